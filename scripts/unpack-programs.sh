#!/usr/bin/env bash
# Unpacks real servers and load generators of Debian below build/programs, for the tests and examples that use them, with the
# libraries that this machine lacks. They are not installed: from then on they would be services of this machine. A program that
# can't be had is named; the tests that need it say so.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(nginx wrk haproxy vsftpd apache2-utils prometheus)
target=build/programs
mkdir -p "$target"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v apt-get >/dev/null; then
  echo "topoprobe: no apt-get here, so the tests with ${PACKAGES[*]} need them to be installed" >&2
  touch "$target/.unpacked"
  exit 0
fi

# The package, and of what it depends on the packages that are not installed. As root, apt would download as a user who may
# not write here; any other user may not lock its lists.
download() {
  local archives=$work/$1
  mkdir -p "$archives/partial"
  apt-get -y --download-only --no-install-recommends -o Dir::Cache::archives="$archives" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User="$(id -un)" install "$1" >"$work/log" 2>&1
}

refused=()
for package in "${PACKAGES[@]}"; do
  # Without fresh lists the first try may find nothing.
  if ! download "$package"; then
    if [ "$(id -u)" = 0 ]; then apt-get -o DPkg::Lock::Timeout=120 update >/dev/null 2>&1 || true; fi
    if ! download "$package"; then
      tail -n 2 "$work/log" >&2
      refused+=("$package")
      continue
    fi
  fi
  for archive in "$work/$package"/*.deb; do
    if [ -e "$archive" ]; then dpkg-deb -x "$archive" "$target"; fi
  done
done
[ "${#refused[@]}" = 0 ] ||
  echo "topoprobe: could not download ${refused[*]}, so the tests with them are skipped (going on with what works)" >&2
touch "$target/.unpacked"
