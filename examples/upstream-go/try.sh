#!/bin/sh
# Serves the tools through Sealwire and calls each once, after the build that README.md describes.
set -eu
example=$(realpath "$(dirname "$0")")
"$example/../upstream-contract/try.sh" "$example/archive"
