#!/usr/bin/env bash
# Tells whether the eBPF addon can be built here; if not, says what is missing. Never fails the build: without the
# addon the probe uses /proc.
set -euo pipefail

lacking=()
command -v g++ >/dev/null || lacking+=(g++)
command -v clang-14 >/dev/null || command -v clang >/dev/null || lacking+=(clang)
[ -e /usr/include/bpf/libbpf.h ] || lacking+=(libbpf-dev)
[ -e /usr/include/libelf.h ] || lacking+=(libelf-dev)
if [ "${#lacking[@]}" -gt 0 ]; then
  echo "topoprobe: the eBPF addon is not built (missing: ${lacking[*]}); the probe will use /proc" >&2
  exit 1
fi
