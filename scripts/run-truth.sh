#!/usr/bin/env bash
# Runs the tests against what real programs count, a number of times, and says how often which of them was wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=$1
[[ "$runs" =~ ^[1-9][0-9]*$ ]] || { echo "run-truth: RUNS must be a whole number above 0, not $runs" >&2; exit 2; }
mapfile -t files < <(find build/test/truth -name '*.test.js' | sort)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wrong=0
for ((run = 1; run <= runs; run++)); do
  started=$SECONDS
  if scripts/node --test --test-timeout=300000 --test-reporter=spec "${files[@]}" >"$work/log" 2>&1; then
    echo "run $run of $runs: right, $((SECONDS - started)) s"
    continue
  fi
  wrong=$((wrong + 1))
  echo "run $run of $runs: wrong, $((SECONDS - started)) s"
  # The failures with their values come after the list of all tests.
  sed -n '/^✖ failing tests:/,$p' "$work/log"
  grep -E '^✖ .*\([0-9.]+ms\)$' "$work/log" | sed -E 's/ \([0-9.]+ms\)$//' | sort -u >>"$work/wrong" || true
done

echo "$wrong of $runs runs were wrong"
if [ -s "$work/wrong" ]; then sort "$work/wrong" | uniq -c | sort -rn; fi
[ "$wrong" = 0 ]
