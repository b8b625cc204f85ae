#!/usr/bin/env bash
# Runs the benchmarks: all, or those named (`bench/run.sh capture`). One case a file; each prints ratios of its own run.
set -euo pipefail
cd "$(dirname "$0")/.."
# The programs that are load, and those that ours are held against.
make --no-print-directory --silent build/churn build/hold build/attach build/nothing.bpf.o

cases=("$@")
if [ "${#cases[@]}" = 0 ]; then
  mapfile -t cases < <(find build/bench -name '*.bench.js' | sed 's|^build/bench/||; s|\.bench\.js$||' | sort)
fi
for case in "${cases[@]}"; do
  printf '\n== %s\n' "$case"
  scripts/node --expose-gc "build/bench/$case.bench.js"
done
