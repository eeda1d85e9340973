#!/bin/sh
# Builds the package as users get it, and the agent with it: ./build.sh FOLDER
# Writes FOLDER/package/sealwire, the unpacked crate, and FOLDER/agent/run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
root=$(cd "$here/../../.." && pwd)
# What the package's own checks have compiled is not compiled again.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/clients/rust/target}"

# The agent's build compiles what was packed.
cargo package --quiet --allow-dirty --no-verify --manifest-path "$root/clients/rust/Cargo.toml" --package sealwire
mkdir -p "$folder/package" "$folder/agent/.cargo"
tar -xzf "$CARGO_TARGET_DIR"/package/sealwire-*.crate -C "$folder/package"
mv "$folder"/package/sealwire-* "$folder/package/sealwire"

cp -R "$here/Cargo.toml" "$here/Cargo.lock" "$here/build.rs" "$here/src" "$folder/agent/"
printf '[patch.crates-io]\nsealwire = { path = "%s" }\n' "$folder/package/sealwire" >"$folder/agent/.cargo/config.toml"
cd "$folder/agent"
# The bench measures what users ship.
profile=${SEALWIRE_CARGO_PROFILE:-dev}
SEALWIRE_ROOT="$root" cargo build --quiet --profile "$profile"
cp "$CARGO_TARGET_DIR/$(echo "$profile" | sed s/dev/debug/)/sealwire-agent" run
