#!/bin/sh
# Builds the package of clients/python as users get it, and the agent in an environment that has it installed:
# ./build.sh FOLDER. Then FOLDER/dist has the wheel and the sdist, and FOLDER/agent/run is the agent.
# PIP_CONSTRAINT=clients/python/oldest.txt installs the oldest dependencies.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder/agent/gen"
python3 -m venv "$folder/builder"
"$folder/builder/bin/pip" install --quiet build
"$folder/builder/bin/python" -m build --outdir "$folder/dist" "$here/../../../clients/python" >"$folder/build.log" 2>&1 || {
  cat "$folder/build.log" >&2
  exit 1
}
cd "$folder/agent"
python3 -m venv .venv
.venv/bin/pip install --quiet "$folder"/dist/*.whl -r "$here/requirements.txt"
for file in agent aio_agent answers random_messages stubs sync_agent; do
  cp "$here/$file.py" .
done
"$here/generate.sh" "$PWD/gen" "$PWD/.venv/bin/python"
cat >run <<'RUN'
#!/bin/sh
here=$(dirname "$0")
exec "$here/.venv/bin/python" "$here/agent.py" "$@"
RUN
chmod +x run
