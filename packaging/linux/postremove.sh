#!/bin/sh
# The state directory stays unless the package is purged: a node that comes back without
# it has to be told from its earlier self by the clock.
set -e
if [ "$1" = purge ]; then
	rm -rf /var/lib/conch /var/log/conch
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
