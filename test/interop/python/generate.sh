#!/bin/sh
# Writes the stubs of test/interop/proto: ./generate.sh FOLDER [PYTHON]
set -eu
folder=$1
python=${2:-python3}
root=$(cd "$(dirname "$0")/../../.." && pwd)
files=$(cd "$root/test/interop/proto" && find interop/v1 -name '*.proto')
mkdir -p "$folder"
# shellcheck disable=SC2086 # the names of the files have no blanks
"$python" -m grpc_tools.protoc -I "$root/test/interop/proto" -I "$root/proto" -I "$root/dist/proto" \
  --python_out="$folder" --grpc_python_out="$folder" buf/validate/validate.proto $files
