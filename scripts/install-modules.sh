#!/usr/bin/env bash
# Installs what package-lock.json says, and nothing else; no package's own scripts are run. The machine's npm does it, on the
# machine's Node.js. npm leaves out optional packages that are made for a newer one, such as the compiled parts of the bundler: then
# an npm is fetched that runs on the Node.js which has come by now, and does it again. Node.js 18 with its npm is enough.
set -euo pipefail
cd "$(dirname "$0")/.."

NPM_VERSION=11.19.1
FLAGS=(--include=dev --include=optional --ignore-scripts --engine-strict=false --no-audit --no-fund --loglevel=error)

npm ci "${FLAGS[@]}"
if ! scripts/node scripts/complete-modules.mjs; then
  echo "topoprobe: npm once more, on the Node.js that has come: the machine's ($(node --version)) is too old for some packages" >&2
  draft=$(mktemp -d)
  trap 'rm -rf "$draft"' EXIT
  (cd "$draft" && npm pack --silent --loglevel=error "npm@$NPM_VERSION" >/dev/null && tar -xzf npm-*.tgz)
  scripts/node "$draft/package/bin/npm-cli.js" ci "${FLAGS[@]}"
  scripts/node scripts/complete-modules.mjs || { echo "topoprobe: npm did not install all packages for this machine" >&2; exit 1; }
fi
