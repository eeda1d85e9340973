#!/bin/sh
# Checks the package: generated code, format, lint, types, tests with the newest and with the oldest dependencies.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/generator"
"$work/generator/bin/pip" install --quiet -r generate-requirements.txt
PATH="$work/generator/bin:$PATH" PYTHON="$work/generator/bin/python3" ./generate.sh "$work/gen"
(cd "$work/gen" && find . -type f) | while read -r file; do
  cmp "$work/gen/$file" "src/$file"
done

python3 -m venv "$work/newest"
"$work/newest/bin/pip" install --quiet --upgrade pip
"$work/newest/bin/pip" install --quiet '.[validate]' --group dev -r ../../examples/python-agent/requirements.txt
PATH="$work/newest/bin:$PATH" ./lint.sh
"$work/newest/bin/python3" -m pytest --quiet

python3 -m venv "$work/oldest"
"$work/oldest/bin/pip" install --quiet --constraint oldest.txt '.[validate]' grpcio-tools pytest
"$work/oldest/bin/python3" -m pytest --quiet
