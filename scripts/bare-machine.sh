#!/usr/bin/env bash
# Runs README's two commands on a bare Debian, made for the purpose: what a stranger's first quarter of an hour needs is shown here.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/bare-machine.sh [--runs N] [--busy] [--only start|test] [--ci] [--keep]

Makes a minimal Debian in a folder, puts node and npm of this machine and a clone of HEAD into it, enters it by chroot and
runs README's two commands, `npm ci && npm start` and `npm ci && npm test`, each in a clone of its own. Of this machine
it takes what reaches its registries: apt's and npm's settings, certificates and the variables that name them, proxies,
resolv.conf. No package, font or cache. It needs root, and a host with apt.

  --runs N     on N machines, one after the other (default 1)
  --busy       keeps every core busy beside the last run
  --only NAME  only `start` or only `test`
  --ci         sets CI there: a tool that is missing is then an error
  --keep       leaves the machines and their logs in place, and says where

The last lines are one for each run, `green` or `red`. It ends with 0 when all are green.
TEXT
}

runs=1 busy='' only='' ci='' keep=''
while [ $# -gt 0 ]; do
  case $1 in
    --runs) runs=${2:?--runs takes a number} && shift ;;
    --busy) busy=1 ;;
    --only) only=${2:?--only takes start or test} && shift ;;
    --ci) ci=1 ;;
    --keep) keep=1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
  esac
  shift
done
case $runs in '' | *[!0-9]* | 0*) usage >&2 && exit 64 ;; esac
case $only in '' | start | test) ;; *) usage >&2 && exit 64 ;; esac

say() { echo "bare-machine: $*"; }
die() { echo "bare-machine: $*" >&2 && exit 1; }

[ "$(id -u)" = 0 ] || die "it needs root: sudo $0"
repository=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/fanfare-bare.XXXXXX")
inside='' # the process that holds the machine
loops=()  # what keeps the cores busy

# --- leaving nothing behind ---

stop_loops() {
  for pid in "${loops[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${loops[@]}"; do wait "$pid" 2>/dev/null || true; done
  loops=()
}

mounts_below() { awk -v top="$1/" 'index($2, top) == 1 { print $2 }' /proc/mounts | sort -r; }

# What still runs in a machine without a process namespace of its own, told by its root.
stop_below() {
  for link in /proc/[0-9]*/root; do
    case $(readlink "$link" 2>/dev/null || true) in
      "$1" | "$1"/*) kill -9 "$(basename "$(dirname "$link")")" 2>/dev/null || true ;;
    esac
  done
}

remove() {
  [ -d "$1" ] || return 0
  stop_below "$1"
  for mount in $(mounts_below "$1"); do umount -l "$mount" || true; done
  [ -z "$(mounts_below "$1")" ] || die "something is still mounted below $1: it is left as it is"
  [ -n "$keep" ] || rm -rf --one-file-system "$1"
}

clean_up() {
  code=$?
  trap - EXIT INT TERM
  stop_loops
  if [ -n "$inside" ]; then kill -9 "$inside" 2>/dev/null || true; fi
  remove "$work"
  [ -z "$keep" ] || say "kept in $work"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- making the machine ---

# Copies files and folders to where they are in the machine, links followed: what a link leads to is not there.
take() {
  for path in "$@"; do
    [ -e "$path" ] || continue
    mkdir -p "$template$(dirname "$path")"
    # Links that lead nowhere are none to follow.
    cp -RLp --no-target-directory "$path" "$template$path" 2>/dev/null || [ -e "$template$path" ]
  done
}

apt_sources() {
  find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) -size +0 2>/dev/null || true
}

make_root() {
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
  if ! command -v mmdebstrap >/dev/null && ! command -v debootstrap >/dev/null; then
    say 'neither mmdebstrap nor debootstrap is here: installing mmdebstrap'
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends mmdebstrap
  fi
  say "making a minimal $suite in $template"
  if command -v mmdebstrap >/dev/null; then
    # shellcheck disable=SC2046 # names of sources have no spaces
    mmdebstrap --quiet --variant=minbase --setup-hook='mkdir -p "$1/etc/apt" && cp -R /etc/apt/apt.conf.d "$1/etc/apt/"' \
      "$suite" "$template" $(apt_sources)
  else
    mirror=$(apt_sources | xargs sed -nE 's/^(URIs:|deb( \[[^]]*\])?) *([^ ]+).*/\3/p' | head -1)
    debootstrap --variant=minbase "$suite" "$template" "$mirror" >"$work/debootstrap.log"
  fi
  # Debian's sources as they are here, and nothing that was fetched with them.
  rm -rf "$template"/etc/apt/sources.list* "$template"/var/lib/apt/lists/* "$template"/var/cache/apt/*.bin
  take /etc/apt
  for key in $(apt_sources | xargs sed -nE 's/.*[Ss]igned-[Bb]y[:=] *([^] ]+).*/\1/p' | sort -u); do take "$key"; done
  mkdir -p "$template/etc/apt/sources.list.d" "$template/var/cache/apt/archives/partial"
}

# Node as it is here, with the libraries that a minimal Debian has not, and npm beside it.
add_node() {
  local node npm
  node=$(readlink -f "$(command -v node)")
  npm="$(npm root --global)/npm"
  mkdir -p "$template/usr/local/bin" "$template/usr/local/lib/node_modules" "$template/usr/local/etc"
  cp -L "$node" "$template/usr/local/bin/node"
  for library in $(ldd "$node" | awk '$3 ~ /^\// { print $3 }'); do
    [ -e "$template$library" ] || take "$library"
  done
  cp -RL "$npm" "$template/usr/local/lib/node_modules/npm"
  for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$template/usr/local/bin/$name"; done
  cp -L "$(npm config get globalconfig)" "$template/usr/local/etc/npmrc" 2>/dev/null || true
  cp -L "$(npm config get userconfig)" "$template/root/.npmrc" 2>/dev/null || true
  take "$(npm config get cafile)"
}

# What a command there has in its environment, one NAME=value a line.
environment=()
add_network() {
  take /etc/ssl/certs /usr/local/share/ca-certificates /etc/hosts
  cp -L /etc/resolv.conf "$template/etc/resolv.conf"
  while IFS='=' read -r -d '' name value; do
    case $name in
      *[Pp][Rr][Oo][Xx][Yy] | npm_config_registry | NPM_CONFIG_REGISTRY) environment+=("$name=$value") ;;
      *CERT* | *_CA_* | *CA_BUNDLE* | *CAINFO* | *SSL*)
        # Only what names a file or a folder.
        case $value in /*) [ ! -e "$value" ] || { take "$value" && environment+=("$name=$value"); } ;; esac
        ;;
    esac
  done < <(env -0)
}

# --- entering it ---

# Runs a script of the machine's shell in it; its own namespaces end its processes and mounts with it, where they can be had.
enter() {
  local root=$1 script=$2
  cat >"$root/root/enter.sh" <<'TEXT'
set -eu
root=$1 script=$2
shift 2
mount --make-rprivate / 2>/dev/null || true
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb "$@" \
  chroot "$root" /bin/sh -c "$script"
TEXT
  local apart=()
  if unshare --mount --pid --fork true 2>/dev/null; then apart=(unshare --mount --pid --fork --kill-child); fi
  "${apart[@]}" sh "$root/root/enter.sh" "$root" "$script" "${environment[@]}" ${ci:+CI=1} </dev/null &
  inside=$!
  local code=0
  wait "$inside" || code=$?
  inside=''
  stop_below "$root"
  for mount in $(mounts_below "$root"); do umount -l "$mount"; done
  return "$code"
}

# README's first command; then somebody opens the page, and ends the server as npm's caller would.
start_script() {
  local port=''
  # Another server on this machine may have README's port.
  if (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then port='-- --port 0'; fi
  cat <<TEXT
cd /root/start && npm ci || exit 1
npm start $port >/root/ready 2>/root/start.log &
npm=\$!
for second in \$(seq 60); do grep -q '"ready":true' /root/ready && break; kill -0 \$npm || break; sleep 1; done
cat /root/ready /root/start.log
url=\$(sed -n 's/.*"ready":true.*"url":"\([^"]*\)".*/\1/p' /root/ready)
node -e 'fetch(process.argv[1]).then(({ status }) => process.exit(status === 200 ? 0 : 1))' "\$url" || exit 1
kill -TERM \$npm
wait \$npm
code=\$?
node -e 'fetch(process.argv[1]).then(() => process.exit(1), () => {})' "\$url" || { echo 'the server outlived npm'; exit 1; }
echo "bare-machine: GET \$url was answered with 200, npm start ended with \$code, and its server with it"
exit \$code
TEXT
}

run_one() {
  local number=$1 root="$work/machine-$1" log="$work/run-$1.log" began=$SECONDS good=1 start='' test='' part
  say "run $number of $runs, its log: $log"
  cp -a "$template" "$root"
  : >"$log"
  for part in start test; do
    [ -z "$only" ] || [ "$only" = "$part" ] || continue
    git clone --quiet --no-hardlinks "$repository" "$root/root/$part"
    if [ "$part" = start ]; then
      start='npm start answered and ended with 0, '
      enter "$root" "$(start_script)" >>"$log" 2>&1 || { good='' && start='npm start failed, '; }
    else
      enter "$root" 'cd /root/test && npm ci && npm test' >>"$log" 2>&1 || good=''
      test="$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -1 || true), "
      if [ "$test" = ', ' ]; then good='' && test='npm test did not come to its end, '; fi
    fi
  done
  [ -n "$good" ] || { say "the end of $log:" && tail -40 "$log"; }
  lines+=("run $number: $([ -n "$good" ] && echo green || echo red): $start$test$(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s$2")
  [ -n "$good" ] || red=1
  remove "$root"
}

template=$work/template
make_root
add_node
add_network
[ -z "$(git -C "$repository" status --porcelain)" ] || say 'what is not committed is not in the clone'
say "the clone is of $(git -C "$repository" log -1 --format='%h, %s')"

lines=() red=''
for number in $(seq "$runs"); do
  beside=''
  if [ -n "$busy" ] && [ "$number" = "$runs" ]; then
    beside=', every core kept busy'
    for _ in $(seq "$(nproc)"); do
      timeout 2h sh -c 'while :; do :; done' &
      loops+=($!)
    done
  fi
  run_one "$number" "$beside"
  stop_loops
done
printf '%s\n' "${lines[@]}"
[ -z "$red" ]
