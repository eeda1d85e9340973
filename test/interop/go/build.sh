#!/bin/sh
# Builds the package as users get it, and the agent with it installed: ./build.sh FOLDER
# Writes FOLDER/proxy, the files of a Go module proxy, and FOLDER/agent/run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
version=v$(sed -n 's/^const Version = "\(.*\)"$/\1/p' "$here/../../../clients/go/version.go")

(cd "$here/../../../clients/go/release" && go run . "$folder/proxy")

mkdir -p "$folder/agent"
cp "$here"/*.go "$here/go.mod" "$here/go.sum" "$folder/agent/"
"$here/generate.sh" "$folder/agent"

# The cache is its own, since an older build of the same version may be in the usual one. Other modules come from there.
GOPROXY="file://$folder/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)"
GOMODCACHE="$folder/cache" GONOSUMDB=sealwire.dev GOFLAGS='-mod=mod -modcacherw'
export GOPROXY GOMODCACHE GONOSUMDB GOFLAGS
cd "$folder/agent"
go mod edit -dropreplace sealwire.dev/sealwire
go get "sealwire.dev/sealwire@$version"
go build -trimpath -o run .
