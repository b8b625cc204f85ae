#!/usr/bin/env bash
# Probe, app and dashboard behind nginx. LISTEN is where the app is to be, PROXY where nginx is.
set -euo pipefail
cd "$(dirname "$0")/../.."
listen=${LISTEN:-127.0.0.1:4040}
proxy=${PROXY:-127.0.0.1:8080}

unpacked=$PWD/build/programs/usr
nginx=$(command -v nginx || echo "$unpacked/sbin/nginx")
[ -x "$nginx" ] || { echo "$0: needs nginx: apt-get install nginx, or make build/programs/.unpacked" >&2; exit 1; }
folder=$(mktemp -d)
# As root it serves as another user, who has to get at what it keeps here.
chmod 755 "$folder"
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

sed -e "s/127.0.0.1:4040/$listen/g" -e "s/127.0.0.1:8080/$proxy/" examples/behind-nginx/nginx.conf >"$folder/nginx.conf"
bin/topoprobe up --listen "$listen" --log-level warn >/dev/null &
programs+=($!)
LD_LIBRARY_PATH=$(echo "$unpacked"/lib/*-linux-gnu) "$nginx" -p "$folder" -c nginx.conf -e stderr &
programs+=($!)

for ((tries = 0; tries < 300; tries++)); do
  if curl -sf "http://$proxy/ready" >/dev/null; then break; fi
  sleep 0.2
done
[ "$tries" -lt 300 ] || { echo "$0: nothing answers at http://$proxy/ after a minute" >&2; exit 1; }
echo "Behind nginx: http://$proxy/ and http://$proxy/topology/"
wait
