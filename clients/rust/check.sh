#!/bin/sh
# Checks the package: generated code, format, lint, documentation, tests with the locked and with the oldest dependencies.
set -eu
cd "$(dirname "$0")"
./generate.sh --check
cargo fmt --all --check
cargo clippy --quiet --locked --all-targets -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --locked --no-deps --package sealwire
cargo test --quiet --locked
./test-oldest.sh
agent=../../test/interop/rust
cargo fmt --check --manifest-path "$agent/Cargo.toml"
cargo fmt --check --manifest-path ../../examples/rust/Cargo.toml
