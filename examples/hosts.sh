# Hosts made of namespaces, for the examples that need several: each has processes, mounts and a network of its own. To be
# sourced. All of them end with the script.

declare -A HOST_PID=()
NAMESPACES=()
PROGRAMS=()

end_all() {
  trap - EXIT INT TERM HUP PIPE
  local pid
  for pid in "${PROGRAMS[@]}" "${NAMESPACES[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap end_all EXIT
trap 'exit 0' INT TERM HUP PIPE

[ "$(id -u)" = 0 ] || { echo "$0: needs root, to make namespaces" >&2; exit 1; }

# make_host NAME
make_host() {
  local ready
  exec {ready}< <(exec setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount-proc --net sh -c \
    'ip link set lo up && if [ -d /run/netns ]; then mount -t tmpfs none /run/netns; fi && echo ready && exec sleep infinity')
  local outer=$!
  NAMESPACES+=("$outer")
  read -r _ <&"$ready"
  HOST_PID[$1]=$(pgrep --parent "$outer")
}

# on NAME COMMAND...: runs a command on a host
on() { nsenter --target "${HOST_PID[$1]}" --pid --mount --net -- "${@:2}"; }

# start NAME COMMAND...: the same in the background, until the script ends. What it prints is not the example's.
start() {
  on "$@" >/dev/null &
  PROGRAMS+=($!)
}

# join A ADDRESS B ADDRESS: a cable between two hosts; addresses with their prefix length
join() {
  nsenter --target "${HOST_PID[$1]}" --net ip link add "to-$3" type veth peer name "to-$1" netns "${HOST_PID[$3]}"
  on "$1" ip address add "$2" dev "to-$3"
  on "$3" ip address add "$4" dev "to-$1"
  on "$1" ip link set "to-$3" up
  on "$3" ip link set "to-$1" up
}

# until_answers NAME URL [TEXT]: waits until the host gets an answer that has the text, at most a minute
until_answers() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    if on "$1" curl -sf --max-time 5 "$2" | grep -q -- "${3:-}"; then return; fi
    sleep 0.2
  done
  echo "$0: $2 did not answer with what was expected: ${3:-anything}" >&2
  exit 1
}
