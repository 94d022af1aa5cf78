#!/bin/sh
# Makes the user conch. The node is not started: it has to be told who the members are.
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers /usr/lib/sysusers.d/conch.conf
elif ! getent passwd conch >/dev/null; then
	useradd --system --user-group --no-create-home --home-dir /var/lib/conch --shell /usr/sbin/nologin conch
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
