#!/bin/sh
# Checks the package: generated code, format, lint, tests with the oldest and with the newest dependencies.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
./generate.sh "$out"
diff -r "$out/gen" gen
root=../..
unformatted=$(gofmt -l . $root/test/interop/go $root/examples/go)
test -z "$unformatted" || { echo "gofmt would change $unformatted" >&2; exit 1; }
GOBIN="$out" go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
for folder in . newest release $root/examples/go; do
  (cd "$folder" && go vet ./... && "$out/staticcheck" ./...)
done
go test -race ./...
(cd newest && go test ./... sealwire.dev/sealwire)
