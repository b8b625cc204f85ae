#!/usr/bin/env bash
# Two hosts with a probe each, and an app on a third.
set -euo pipefail
cd "$(dirname "$0")/../.."
source examples/hosts.sh
topoprobe=$PWD/bin/topoprobe

make_host app
make_host front
make_host back
join app 10.99.1.1/24 front 10.99.1.2/24
join app 10.99.2.1/24 back 10.99.2.2/24
join front 10.99.3.2/24 back 10.99.3.3/24
app=http://10.99.1.1:4040

start back python3 -m http.server --directory "$PWD/examples" --bind 10.99.3.3 8080 2>/dev/null
start front sh -c 'while :; do curl -s -o /dev/null http://10.99.3.3:8080/; sleep 0.5; done'

# It listens on every address of its host.
start app "$topoprobe" app --listen 0.0.0.0:4040 --public-without-auth --log-level warn
until_answers app "$app/ready"
start front "$topoprobe" probe "$app" --hostname front --log-level warn
start back "$topoprobe" probe http://10.99.2.1:4040 --hostname back --log-level warn

until_answers app "$app/api/v1/edges?view=hosts" '"from":"front;<host>","to":"back;<host>"'
echo "Edges between hosts, as the app shows them:"
on app curl -s "$app/api/v1/edges?view=hosts" | python3 -m json.tool
echo "Dashboard: nsenter --target ${HOST_PID[app]} --net chromium --no-sandbox $app"
wait
