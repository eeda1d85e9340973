#!/bin/sh
# Writes gen/ from test/interop/proto: ./generate.sh [FOLDER TO WRITE INTO]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "${1:-$here}" && pwd)
cd "$here/../../.."
npx --no-install buf generate . --path test/interop/proto/interop/v1 --template "$here/buf.gen.yaml" --output "$folder" \
  --config '{"version": "v2", "modules": [{"path": "proto"}, {"path": "test/interop/proto"}, {"path": "dist/proto"}]}'
