#!/bin/sh
# Runs the tests with the oldest dependencies that Cargo.toml allows, in a copy of the package.
set -eu
cd "$(dirname "$0")"
here=$PWD
copy=${CARGO_TARGET_DIR:-$here/target}/oldest
mkdir -p "$copy"
rm -rf "$copy/src" "$copy/tests"
cp -r Cargo.toml README.md src tests "$copy"
sed '/^members = /d' Cargo.toml > "$copy/Cargo.toml"
cd "$copy"
# The option is one of nightly toolchains; it changes the lockfile alone.
RUSTC_BOOTSTRAP=1 cargo -Z direct-minimal-versions generate-lockfile --quiet
SEALWIRE_VECTORS="${SEALWIRE_VECTORS:-$here/../../test/vectors}" CARGO_TARGET_DIR="$copy/target" cargo test --locked --quiet
