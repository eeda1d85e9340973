#!/bin/sh
# Starts an archive server, offers its methods as tools, and calls each: try.sh COMMAND THAT STARTS THE SERVER
set -eu
cd "$(dirname "$0")/../.."
PATH="$PWD/node_modules/.bin:$PATH"
folder=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; wait; rm -r "$folder"' EXIT
trap 'exit 1' INT TERM

# As `npx sealwire`, but the process is the command itself, so that it can be stopped.
sealwire="node dist/src/cli/main.js"

"$@" --listen "unix:$folder/archive.sock" --notes "$folder/notes.jsonl" &
pids=$!

buf build --config examples/upstream-contract/checkout.buf.yaml --path examples/upstream-contract/archive \
  --as-file-descriptor-set --output "$folder/archive.binpb"
until [ -S "$folder/archive.sock" ]; do
  kill -0 $pids 2>/dev/null || exit 1
  sleep 0.1
done

$sealwire serve --dev --no-demo-tools --data "$folder/data" --listen "unix:$folder/sealwire.sock" \
  --upstream "archive=unix:$folder/archive.sock" --upstream-descriptors "archive=$folder/archive.binpb" &
pids="$pids $!"
export SEALWIRE_CREDENTIALS="$folder/data/client.json"
until [ -f "$SEALWIRE_CREDENTIALS" ]; do
  kill -0 $! 2>/dev/null || exit 1
  sleep 0.1
done

$sealwire call add_note '{"text": "from try.sh"}'
$sealwire call count_words '{"text": "three short words", "pause": "0.5s"}'
$sealwire call hash_pages '{"pages": 5, "pause": "1.2s"}' --watch
cat "$folder/notes.jsonl"
