#!/bin/sh
# Writes gen/ from the contracts, in a checkout of Sealwire.
set -eu
cd "$(dirname "$0")"
npx buf generate ../.. --config ../upstream-contract/checkout.buf.yaml --path ../upstream-contract/archive \
  --path ../../proto/sealwire/v1/error.proto --path ../../proto/sealwire/v1/job.proto \
  --path ../../proto/sealwire/v1/options.proto
