#!/bin/sh
# Checks the package: lint, tests with the oldest and with the newest dependencies, documentation.
set -eu
cd "$(dirname "$0")"
mvn --batch-mode --quiet test -Pnewest
mvn --batch-mode --quiet clean verify
