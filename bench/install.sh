#!/usr/bin/env bash
# Installs the servers of the peers, where that can be done: as root, with apt-get.
# What is missing in the end is said, and left out of the comparison.
set -uo pipefail

# What is not there.
missing() {
  command -v redis-server >/dev/null || echo redis-server
  { [ -e /usr/share/java/zookeeper.jar ] && command -v java >/dev/null; } || echo zookeeper
}

if [ -z "$(missing)" ]; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  mapfile -t packages < <(missing)
  echo "installing ${packages[*]}"
  # Installing a server is not to start one.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  {
    timeout 120 apt-get update &&
      DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y --no-install-recommends "${packages[@]}"
  } >/dev/null 2>&1
  why="apt-get could not install it"
else
  why="apt-get, as root, would install it"
fi
for package in $(missing); do
  echo "LEFT OUT: what needs $package: $why"
done
