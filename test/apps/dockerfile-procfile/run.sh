#!/bin/sh
echo "started as ${1:-default}"
exec sleep infinity
