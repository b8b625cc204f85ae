#!/usr/bin/env bash
# A probe of this machine that ships to the Scope app at the given URL; without one, to an app of our own. LISTEN is where that
# one is to be.
set -euo pipefail
cd "$(dirname "$0")/../.."

programs=()
end_all() {
  trap - EXIT INT TERM HUP PIPE
  local pid
  for pid in "${programs[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap end_all EXIT
trap 'exit 0' INT TERM HUP PIPE

app=${1:-}
if [ -z "$app" ]; then
  app=http://${LISTEN:-127.0.0.1:4040}
  bin/topoprobe app --listen "${LISTEN:-127.0.0.1:4040}" --log-level warn >/dev/null &
  programs+=($!)
fi
bin/topoprobe probe "$app" --metrics-listen off --log-level warn >/dev/null &
programs+=($!)

# What a Scope app says of who reports, and of the hosts.
for ((tries = 0; tries < 300; tries++)); do
  if curl -s "$app/api/probes" | grep -q '"id"'; then break; fi
  sleep 0.2
done
[ "$tries" -lt 300 ] || { echo "$0: $app lists no probe after a minute" >&2; exit 1; }
echo "Hosts, as the app shows them:"
curl -s "$app/api/topology/hosts" | python3 -m json.tool
echo "Dashboard: $app"
wait
