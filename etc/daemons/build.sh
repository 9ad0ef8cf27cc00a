#!/bin/sh
# Builds containerd, its shim, runc, buildkitd and the CNI plugins into the folder given, from this
# module's pinned versions. Does nothing when the folder has them in these versions already; takes
# them from $BIN_DIR when that has.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
stamp=$(cat "$here/go.mod" "$here/go.sum" "$0" | sha256sum | cut -c1-16)
binaries="containerd containerd-shim-runc-v2 ctr runc buildkitd buildctl bridge host-local loopback"

has_them() {
	[ "$(cat "$1/daemons.version" 2>/dev/null)" = "$stamp" ] || return 1
	for b in $binaries; do [ -x "$1/$b" ] || return 1; done
}

if has_them "$out"; then exit 0; fi
if [ -n "${BIN_DIR:-}" ] && has_them "$BIN_DIR"; then
	for b in $binaries; do cp "$BIN_DIR/$b" "$out/$b.new" && mv "$out/$b.new" "$out/$b"; done
	echo "$stamp" >"$out/daemons.version"
	exit 0
fi

cd "$here"
step() {
	began=$(date +%s)
	printf '       %-44s' "$1"
	shift
	"$@"
	echo "$(($(date +%s) - began)) s"
}
build() { go build -trimpath -ldflags='-s -w' -o "$out/" "$@"; }
step "containerd and its shim" build \
	github.com/containerd/containerd/v2/cmd/containerd \
	github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 \
	github.com/containerd/containerd/v2/cmd/ctr
step "network plugins for builds" build \
	github.com/containernetworking/plugins/plugins/main/bridge \
	github.com/containernetworking/plugins/plugins/main/loopback \
	github.com/containernetworking/plugins/plugins/ipam/host-local
step "runc" build -tags seccomp github.com/opencontainers/runc
step "buildkitd" build github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl
echo "$stamp" >"$out/daemons.version"
