#!/usr/bin/env bash
# Unpacks Debian's nginx below build/nginx, for the tests behind a reverse proxy. It is not installed: from then on it
# would serve port 80 of this machine. Where it can't be had, the tests that need it say so.
set -euo pipefail

target=$PWD/build/nginx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v apt-get >/dev/null; then
  echo "topoprobe: no apt-get here, so the tests behind nginx need it to be installed" >&2
  exit 0
fi
# As root, apt would download as a user who may not write here.
download() { (cd "$work" && apt-get -o APT::Sandbox::User="$(id -un)" download nginx >"$work/log" 2>&1); }
# Without fresh lists the first try may find nothing.
if ! download; then
  if [ "$(id -u)" = 0 ]; then apt-get -o DPkg::Lock::Timeout=120 update >/dev/null 2>&1 || true; fi
  if ! download; then
    tail -n 2 "$work/log" >&2
    echo "topoprobe: could not download nginx, so the tests behind it are skipped (going on with what works)" >&2
    exit 0
  fi
fi
dpkg-deb -x "$work"/nginx_*.deb "$work/unpacked"
mkdir -p "$target"
cp "$work/unpacked/usr/sbin/nginx" "$target/nginx"
