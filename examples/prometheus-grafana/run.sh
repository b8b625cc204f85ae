#!/usr/bin/env bash
# An app, a probe, and a Prometheus that scrapes both. LISTEN, METRICS and PROMETHEUS are where they are to be.
set -euo pipefail
cd "$(dirname "$0")/../.."
listen=${LISTEN:-127.0.0.1:4040}
metrics=${METRICS:-127.0.0.1:4041}
prometheus_at=${PROMETHEUS:-127.0.0.1:9090}

prometheus=$(command -v prometheus || echo "$PWD/build/programs/usr/bin/prometheus")
[ -x "$prometheus" ] || { echo "$0: needs prometheus: apt-get install prometheus, or make build/programs/.unpacked" >&2; exit 1; }
folder=$(mktemp -d)
programs=()
end_all() {
  trap - EXIT INT TERM HUP PIPE
  local pid
  for pid in "${programs[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap end_all EXIT
trap 'exit 0' INT TERM HUP PIPE

sed -e "s/127.0.0.1:4040/$listen/" -e "s/127.0.0.1:4041/$metrics/" examples/prometheus-grafana/prometheus.yml >"$folder/prometheus.yml"
bin/topoprobe app --listen "$listen" --log-level warn >/dev/null &
programs+=($!)
bin/topoprobe probe "http://$listen" --metrics-listen "$metrics" --log-level warn >/dev/null &
programs+=($!)
"$prometheus" --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" --web.listen-address="$prometheus_at" \
  --log.level=warn &
programs+=($!)

up() { curl -sfG "http://$prometheus_at/api/v1/query" --data-urlencode 'query=count(up == 1) == 2' | grep -q '"value"'; }
for ((tries = 0; tries < 300; tries++)); do
  if up; then break; fi
  sleep 0.2
done
[ "$tries" -lt 300 ] || { echo "$0: Prometheus did not scrape app and probe within a minute" >&2; exit 1; }
echo "Prometheus: http://$prometheus_at"
wait
