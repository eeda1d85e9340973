#!/bin/sh
# Writes gen/ from the contracts: ./generate.sh [FOLDER WITH proto AND dist/proto]
set -eu
sealwire=$(realpath "${1:-../..}")
cd "$(dirname "$0")"
mkdir -p gen
python3 -m grpc_tools.protoc -I ../upstream-contract -I "$sealwire/proto" -I "$sealwire/dist/proto" \
  --python_out=gen --pyi_out=gen --grpc_python_out=gen \
  archive/v1/archive_tool_service.proto sealwire/v1/error.proto sealwire/v1/job.proto sealwire/v1/options.proto \
  buf/validate/validate.proto
