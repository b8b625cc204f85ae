#!/usr/bin/env bash
# Probe, app and dashboard of this machine in one process. LISTEN is where the dashboard is to be.
set -euo pipefail
cd "$(dirname "$0")/../.."

exec bin/topoprobe up --listen "${LISTEN:-127.0.0.1:4040}"
