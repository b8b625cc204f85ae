#!/usr/bin/env bash
# Installs the Debian packages that the named purposes (build, test, kernels, kernels-arm64, bench, bare-debian) need and this
# machine lacks. As an ordinary user, or where apt is absent, the first line says all that is missing; it goes on with what works,
# and fails only where nothing does: without npm, before npm has installed anything.
set -euo pipefail
cd "$(dirname "$0")/.."

packages_for() {
  case "$1" in
    build) echo g++ make clang-14 libbpf-dev libelf-dev libatomic1 "$(packages_for_npm)" ;;
    test) echo clang-format-14 bpftool chromium iproute2 dnsmasq-base iptables conntrack procps python3 curl openssl zstd graphviz libxml2-utils ;;
    kernels) echo qemu-system-x86 cpio kmod xz-utils util-linux ;;
    kernels-arm64) echo qemu-system-arm g++-aarch64-linux-gnu ;;
    bench) echo libbpf-tools ;;
    bare-debian) echo debootstrap util-linux ;;
    *) echo "install-packages: unknown purpose '$1'" >&2; exit 2 ;;
  esac
}

# npm fetches the Node.js that the program runs on. It comes in other packages than Debian's, too, and in none.
packages_for_npm() { command -v npm >/dev/null && command -v node >/dev/null || echo nodejs npm; }

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for purpose in "$@"; do
  for package in $(packages_for "$purpose"); do
    if ! command -v dpkg-query >/dev/null || ! installed "$package"; then missing+=("$package"); fi
  done
done
[ "${#missing[@]}" -gt 0 ] || exit 0

go_on() {
  if [ -n "$(packages_for_npm)" ] && [ ! -e node_modules/.package-lock.json ]; then
    echo "topoprobe: $1 (npm is among them: without it nothing can be built)" >&2
    exit 1
  fi
  echo "topoprobe: $1 (going on with what works)" >&2
  exit 0
}

command -v apt-get >/dev/null || go_on "no apt-get here; install the equivalents of these yourself: ${missing[*]}"
[ "$(id -u)" = 0 ] || go_on "not root, so these Debian packages are not installed: ${missing[*]}"

echo "topoprobe: installing ${missing[*]}" >&2
# What apt says is shown when it fails; where no temporary file can be made, it is lost.
if log=$(mktemp 2>/dev/null); then trap 'rm -f "$log"' EXIT; else log=/dev/null; fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" >"$log" 2>&1; }
# Without fresh lists the first try may find nothing.
if ! install "${missing[@]}"; then
  apt-get -o DPkg::Lock::Timeout=120 update >"$log" 2>&1 || true
  if ! install "${missing[@]}"; then
    tail -n 5 "$log" >&2
    # One that this release lacks must not keep the others away.
    refused=()
    for package in "${missing[@]}"; do install "$package" || refused+=("$package"); done
    [ "${#refused[@]}" = 0 ] || go_on "could not install ${refused[*]}"
  fi
fi
