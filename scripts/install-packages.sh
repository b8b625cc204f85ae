#!/usr/bin/env bash
# Installs the Debian packages that the named purposes (build, test, kernels, kernels-arm64, bench) need and this machine lacks.
# As an ordinary user, or where apt is absent, it says what is missing and goes on with what works.
set -euo pipefail

packages_for() {
  case "$1" in
    build) echo g++ make clang-14 libbpf-dev libelf-dev ;;
    test) echo clang-format-14 bpftool chromium iproute2 dnsmasq-base iptables conntrack procps graphviz libxml2-utils ;;
    kernels) echo qemu-system-x86 cpio kmod xz-utils util-linux ;;
    kernels-arm64) echo qemu-system-arm g++-aarch64-linux-gnu ;;
    bench) echo libbpf-tools ;;
    *) echo "install-packages: unknown purpose '$1'" >&2; exit 2 ;;
  esac
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for purpose in "$@"; do
  for package in $(packages_for "$purpose"); do
    if ! command -v dpkg-query >/dev/null || ! installed "$package"; then missing+=("$package"); fi
  done
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "topoprobe: no apt-get here; install the equivalents of these yourself if something below is missing: ${missing[*]}" >&2
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "topoprobe: not root, so these Debian packages are not installed: ${missing[*]} (going on with what works)" >&2
  exit 0
fi
echo "topoprobe: installing ${missing[*]}" >&2
# What apt says is shown when it fails; where no temporary file can be made, it is lost.
if log=$(mktemp 2>/dev/null); then trap 'rm -f "$log"' EXIT; else log=/dev/null; fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
# Without fresh lists the first try may find nothing.
if ! install; then
  apt-get -o DPkg::Lock::Timeout=120 update >"$log" 2>&1 || true
  if ! install; then
    tail -n 5 "$log" >&2
    echo "topoprobe: could not install ${missing[*]} (going on with what works)" >&2
  fi
fi
