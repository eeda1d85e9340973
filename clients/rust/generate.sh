#!/bin/sh
# Writes src/gen from the contract in ../../proto and its imports in ../../dist/proto. No protoc is needed.
# With --check it changes nothing, and fails if src/gen is not what it would write.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cargo run --quiet --locked --package sealwire-generate -- "$out" ../../proto ../../dist/proto
rm -f "$out"/google.protobuf.rs
if [ "${1-}" = --check ]; then
  diff -r "$out" src/gen
else
  rm -f src/gen/*.rs
  cp "$out"/*.rs src/gen/
fi
