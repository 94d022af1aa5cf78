#!/bin/sh
# Stops the node when the package is removed, and leaves it running when the package is
# upgraded: an upgrade of all machines at once would restart all members at once. See
# docs/OPERATIONS.md on rolling restarts. $1 is "remove" (deb) or the number of versions
# that remain (rpm).
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now conch.service 'conch@*.service' 'conch-job@*.timer' 2>/dev/null || true
	fi
	;;
esac
