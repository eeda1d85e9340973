#!/bin/sh
# Writes gen/ from the contracts in ../../proto: ./generate.sh [FOLDER TO WRITE INTO]
set -eu
cd "$(dirname "$0")"
npx --no-install buf generate ../.. --path ../../proto/sealwire --output "${1:-.}" \
  --config '{"version": "v2", "modules": [{"path": "proto"}, {"path": "dist/proto"}]}'
