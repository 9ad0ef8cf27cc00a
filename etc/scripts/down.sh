#!/bin/sh
# Stops the csphd that `make up` started. Apps keep running and state stays.
set -eu
: "${STATE:=/var/lib/csph}"
pid=$(cat "$STATE/csphd.pid" 2>/dev/null || true)
if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
	echo "csphd is not running."
	exit 0
fi
kill -TERM "$pid"
i=0
while kill -0 "$pid" 2>/dev/null; do
	i=$((i + 1))
	if [ $i -gt 300 ]; then
		echo "csphd (pid $pid) does not stop; see $STATE/csphd.log" >&2
		exit 1
	fi
	sleep 0.1
done
rm -f "$STATE/csphd.pid"
echo "csphd has stopped. Apps keep running; make up starts it again."
echo "bin/csphd destroy --state $STATE --yes removes everything, apps included."
