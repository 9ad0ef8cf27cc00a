#!/bin/sh
# Builds the certificate authority of the tests, pebble, and its challenge test server into the folder
# given, from this module's pinned versions. Does nothing when the folder has them in these versions already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
stamp=$(cat "$here/go.mod" "$here/go.sum" "$0" | sha256sum | cut -c1-16)
if [ "$(cat "$out/pebble.version" 2>/dev/null)" = "$stamp" ] && [ -x "$out/pebble" ] && [ -x "$out/pebble-challtestsrv" ]; then
	exit 0
fi
cd "$here"
go build -trimpath -ldflags='-s -w' -o "$out/" \
	github.com/letsencrypt/pebble/v2/cmd/pebble \
	github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv
echo "$stamp" >"$out/pebble.version"
