#!/usr/bin/env bash
# Runs the compiled tests below the given folders or files (default: all) and says how many of them used eBPF for real.
set -euo pipefail

mapfile -t files < <(find "$@" -name '*.test.js' | sort)
[ "${#files[@]}" -gt 0 ] || { echo "run-tests: no tests found in $*" >&2; exit 1; }
exec scripts/node --test --test-timeout=300000 \
  --test-reporter=./scripts/report-ebpf-tests.mjs --test-reporter-destination=stdout \
  --test-reporter=spec --test-reporter-destination=stdout \
  "${files[@]}"
