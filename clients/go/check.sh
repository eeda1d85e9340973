#!/bin/sh
# Checks the package: that gen/ is what the contracts say, style, and the tests with the oldest and the newest versions.
set -eu
cd "$(dirname "$0")"
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

generated=$(mktemp -d)
trap 'rm -rf "$generated"' EXIT
./generate.sh "$generated"
diff -r gen "$generated/gen" || { echo "gen/ is not what ./generate.sh writes" >&2; exit 1; }

unformatted=$(gofmt -l . ../../examples/go ../../test/interop/go ../../test/interop/helm | grep -v '^gen/' || true)
test -z "$unformatted" || { echo "gofmt would change $unformatted" >&2; exit 1; }

for folder in . newest release ../../examples/go; do
  (cd "$folder" && go vet ./... && go run "$staticcheck" ./...)
done

# The cache of results does not notice changed vectors.
go test -race -count=1 .
cd newest
go test -count=1 ./... sealwire.dev/sealwire
