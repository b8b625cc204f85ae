#!/usr/bin/env bash
# A client and a server on two networks, and a router between them that translates both addresses; a probe on each.
set -euo pipefail
cd "$(dirname "$0")/../.."
source examples/hosts.sh
topoprobe=$PWD/bin/topoprobe

make_host router
make_host client
make_host server
join router 10.98.1.1/24 client 10.98.1.2/24
join router 10.98.2.1/24 server 10.98.2.2/24
on client ip route add default via 10.98.1.1
on server ip route add default via 10.98.2.1
on router sysctl -qw net.ipv4.ip_forward=1
on router iptables -t nat -A PREROUTING -p tcp -d 10.98.1.1 --dport 80 -j DNAT --to 10.98.2.2:8080
on router iptables -t nat -A POSTROUTING -p tcp -d 10.98.2.2 -j MASQUERADE

start server python3 -m http.server --directory "$PWD/examples" --bind 10.98.2.2 8080 2>/dev/null
start client sh -c 'while :; do curl -s -o /dev/null http://10.98.1.1/; sleep 0.5; done'

# The app runs on the router, which both others reach.
start router "$topoprobe" app --listen 0.0.0.0:4040 --public-without-auth --log-level warn
app=http://10.98.1.1:4040
until_answers router "$app/ready"
start router "$topoprobe" probe "$app" --hostname router --log-level warn
start client "$topoprobe" probe "$app" --hostname client --log-level warn
start server "$topoprobe" probe http://10.98.2.1:4040 --hostname server --log-level warn

until_answers router "$app/api/v1/edges?view=hosts" '"from":"client;<host>","to":"server;<host>"'
echo "Edges between hosts, as the app shows them:"
on router curl -s "$app/api/v1/edges?view=hosts" | python3 -m json.tool
echo "Dashboard: nsenter --target ${HOST_PID[router]} --net chromium --no-sandbox $app"
wait
