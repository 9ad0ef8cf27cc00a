#!/bin/sh
# Builds Caddy, which the router is measured against, into the folder given, from this module's pinned
# versions. Does nothing when the folder has it in these versions already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
stamp=$(cat "$here/go.mod" "$here/go.sum" "$here/main.go" "$0" | sha256sum | cut -c1-16)
if [ "$(cat "$out/caddy.version" 2>/dev/null)" = "$stamp" ] && [ -x "$out/caddy" ]; then exit 0; fi
cd "$here"
echo "       building Caddy (minutes the first time)"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$out/caddy" .
echo "$stamp" >"$out/caddy.version"
