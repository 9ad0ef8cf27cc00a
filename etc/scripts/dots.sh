#!/bin/sh
# Runs a command, and prints a dot for every ten seconds that it takes: what is silent for minutes looks dead.
set -eu
(while sleep 10 >/dev/null 2>&1; do printf .; done) &
dots=$!
trap 'kill $dots 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
"$@"
