#!/bin/sh
# Writes the generated modules of src/sealwire from ../../proto, or into another folder: ./generate.sh [FOLDER]
# Needs Python with generate-requirements.txt, and ../../dist/proto, which `npm ci` in the root of the repository makes.
set -eu
cd "$(dirname "$0")"
out=${1:-src}
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files=$(cd ../../proto && find sealwire -name '*.proto' | LC_ALL=C sort)

# shellcheck disable=SC2086 # the names of the files have no blanks
"$python" -m grpc_tools.protoc -I ../../proto -I ../../dist/proto --include_imports --include_source_info \
  --descriptor_set_out="$work/contract.binpb" $files
"$python" option_imports.py "$work/contract.binpb"
mkdir -p "$out"
# shellcheck disable=SC2086
"$python" -m grpc_tools.protoc --descriptor_set_in="$work/contract.binpb" --python_out="$out" \
  --mypy_out=quiet:"$out" $files
# shellcheck disable=SC2086
"$python" -m grpc_tools.protoc --descriptor_set_in="$work/contract.binpb" --grpc_python_out="$out" \
  --mypy_grpc_out=quiet:"$out" $(echo "$files" | grep '_service\.proto$')
