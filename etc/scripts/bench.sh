#!/bin/sh
# Prints csph's figures as ratios against raw floors measured in the same run; make bench builds everything first.
# Arguments go to test/bench: -only push,builds,config,fence,idle,large,records -rounds N -strict
set -eu
cd "$(dirname "$0")/../.."
# As a program of its own, not by go run, so that ctrl-C reaches it and it can clean up.
go build -o .build/bench ./test/bench
exec .build/bench -root . "$@"
