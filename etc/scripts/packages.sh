#!/bin/sh
# Installs the Debian packages that csph needs at run time and to be built. Does nothing when they are there.
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need git git
need ssh openssh-client
need curl curl
need gcc gcc
need pkg-config pkg-config
need nft nftables
need ip iproute2
need mmdebstrap mmdebstrap
[ -e /usr/include/seccomp.h ] || missing="$missing libseccomp-dev"
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
for extra in "$@"; do need "${extra%%:*}" "${extra##*:}"; done
if [ -n "$missing" ]; then
	began=$(date +%s)
	echo "       installing$missing"
	apt-get update -qq
	# Daemons that packages bring must not start by themselves and take ports.
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	echo "       $(($(date +%s) - began)) s"
fi
command -v go >/dev/null 2>&1 || {
	echo "Go is missing: csph needs Go 1.26 or newer to be built. Install it (https://go.dev/doc/install) and put it on PATH." >&2
	exit 1
}
