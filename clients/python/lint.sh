#!/bin/sh
# Checks the package, its tests, the agent of test/interop and the examples: ./lint.sh. Needs the dev dependencies.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
others="$root/test/interop/python $root/examples/python $root/examples/python-agent"
# shellcheck disable=SC2086 # no folder has a blank in its name below the root
ruff format --check --config pyproject.toml . $others
# shellcheck disable=SC2086
ruff check --config pyproject.toml . $others
mypy src tests option_imports.py
for folder in $others; do
  (cd "$folder" && mypy --config-file "$root/clients/python/pyproject.toml" ./*.py)
done
