#!/bin/sh
# Builds the agent in an empty folder from the wheel of clients/python: ./build.sh FOLDER WHEEL [pip option ...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
wheel=$2
shift 2
mkdir -p "$folder/gen"
python3 -m venv "$folder/.venv"
"$folder/.venv/bin/python" -m pip install --quiet "$wheel" -r "$here/requirements.txt" "$@"
cp "$here/agent.py" "$here/sync_agent.py" "$here/aio_agent.py" "$here/answers.py" "$here/stubs.py" "$here/random_messages.py" "$folder"
"$here/generate.sh" "$folder/gen" "$folder/.venv/bin/python"
