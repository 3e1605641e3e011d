#!/bin/sh
# Starts HAProxy as the entry point of docker-socket-proxy does.
set -eu
ulimit -n 10000 2>/dev/null || :
sed 's/\${BIND_CONFIG}/:2375/g' /stand-in/haproxy.cfg >/tmp/haproxy.cfg
exec haproxy -W -db -f /tmp/haproxy.cfg
