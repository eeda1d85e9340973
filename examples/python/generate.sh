#!/bin/sh
# Writes gen/ from the contracts: ./generate.sh [FOLDER WITH proto AND dist/proto]
set -eu
sealwire=$(realpath "${1:-../..}")
cd "$(dirname "$0")"
mkdir -p gen
python3 -m grpc_tools.protoc -I . -I "$sealwire/proto" -I "$sealwire/dist/proto" --python_out=gen --pyi_out=gen \
  frame.proto buf/validate/validate.proto $(cd "$sealwire/proto" && find sealwire -name '*.proto')
