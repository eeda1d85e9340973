#!/bin/sh
# Writes gen/ from the contracts: ./generate.sh [FOLDER WITH proto AND dist/proto]
set -eu
sealwire=${1:-../..}
npx buf generate frame.proto
npx buf generate "$sealwire" --path "$sealwire/proto/sealwire" \
  --config '{"version": "v2", "modules": [{"path": "proto"}, {"path": "dist/proto"}]}'
