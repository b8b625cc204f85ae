#!/usr/bin/env bash
# Runs the compiled tests below the given folders or files (default: all) and says how many of them used eBPF for real.
set -euo pipefail

# In a folder that was entered by chroot, / is no mount point, and no program can have mounts of its own: ip netns exec and
# unshare fail. There a root that is one is made, of the same files. It is mounted below /proc, which is a mount of its own that can
# be made private: so nobody else sees it, and it is gone with the last process.
if [ "$(id -u)" = 0 ] && mountpoint -q /proc && ! mountpoint -q /; then
  # shellcheck disable=SC2016
  exec unshare --mount --propagation unchanged bash -euc '
    mount --make-private /proc
    mount --rbind / /proc/tty
    exec chroot /proc/tty bash -euc "mount --make-rprivate /; cd \"\$1\"; shift; exec bash scripts/run-tests.sh \"\$@\"" bash "$@"' \
    bash "$PWD" "$@"
fi

mapfile -t files < <(find "$@" -name '*.test.js' | sort)
[ "${#files[@]}" -gt 0 ] || { echo "run-tests: no tests found in $*" >&2; exit 1; }
exec scripts/node --test --test-timeout=300000 \
  --test-reporter=./scripts/report-ebpf-tests.mjs --test-reporter-destination=stdout \
  --test-reporter=spec --test-reporter-destination=stdout \
  "${files[@]}"
