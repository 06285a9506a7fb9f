#!/bin/sh
# Proves the service on a Debian whose first process is a real systemd, in namespaces of its own.
#   scripts/prove-service.sh FOLDER
# Makes a minimal Debian 12 in FOLDER unless one is there; takes the compiled program of this clone and this machine's Node.js.
# Needs root, debootstrap, and a kernel with cgroup v2. Prints what was tried, and ends with `N passed, N failed`.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2 && exit 2; }
repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
mkdir -p "$1"
root=$(CDPATH='' cd -- "$1" && pwd)
packages=systemd,systemd-sysv,dbus,bubblewrap,python3-venv,python3-dev,gcc,libc6-dev,procps,ca-certificates
unit=/etc/systemd/system/commonwheel.service
passed=0
failed=0
booted=''
group=''

note() { printf '%s\n' "$*"; }

# One claim and the command that shows it.
check() {
  claim=$1
  shift
  if "$@" >"$root.out" 2>&1; then
    passed=$((passed + 1))
    note "ok      $claim"
  else
    failed=$((failed + 1))
    note "FAILED  $claim"
    sed 's/^/        /' "$root.out" | tail -n 15
  fi
}

clean_up() {
  [ -z "$booted" ] || kill -KILL "$booted" 2>/dev/null || true
  [ -z "$group" ] || { sleep 1 && rmdir "$group"/*/ "$group" 2>/dev/null; } || true
}
trap clean_up EXIT

# --- a machine ---------------------------------------------------------------------------------------------------------

make_root() {
  [ -e "$root/etc/debian_version" ] && return
  note 'making a Debian 12'
  debootstrap --variant=minbase "--include=$packages" bookworm "$root" >"$root.log" 2>&1 || { tail "$root.log" && exit 1; }
}

# The clone that the service is installed from: the sources, compiled, and the packages that are here.
fill_root() {
  rm -rf "$root"/var/log/journal/*
  rm -rf "$root/srv/clone" && mkdir -p "$root/srv/clone"
  (cd "$repo" && git ls-files -z | tar -c --null -T -) | tar -x -C "$root/srv/clone"
  (cd "$repo" && npm run --silent build)
  cp -r "$repo/dist" "$repo/node_modules" "$root/srv/clone/"
  cp -f "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
}

boot() {
  unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  group=$unified/commonwheel-prove-$$
  mkdir "$group"
  # shellcheck disable=SC2016 # expanded inside
  ROOT="$root" GROUP="$group" sh -c '
    echo $$ >"$GROUP/cgroup.procs"
    exec unshare --mount --pid --uts --ipc --net --cgroup --fork --propagation private sh -eu -c '"'"'
      mount --bind "$ROOT" "$ROOT"
      cd "$ROOT"
      mount -t proc proc proc
      mount -t sysfs sysfs sys
      mount -t cgroup2 none sys/fs/cgroup
      mount -t tmpfs tmpfs run
      mount -t tmpfs tmpfs tmp
      mount --rbind /dev dev
      mkdir -p .old
      pivot_root . .old
      umount -l /.old
      rmdir /.old
      exec env -i container=lxc PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --unit=multi-user.target
    '"'"'
  ' >"$root.boot" 2>&1 &
  for _ in $(seq 60); do
    sleep 1
    booted=$(pgrep -f '^/lib/systemd/systemd --unit=multi-user.target$' | tail -n 1)
    [ -n "$booted" ] && inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
  done
  inside ip link set lo up 2>/dev/null || inside python3 -c '
import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x1))'
}

inside() {
  nsenter -t "$booted" -m -p -u -i -n -C --wdns=/srv/clone env -i HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

commonwheel() { inside node /srv/clone/dist/cli/main.js "$@"; }
pid_of_node() { inside systemctl show commonwheel --property=MainPID --value; }
version() { inside readlink /opt/commonwheel/current; }
status_line() { commonwheel service status; }
api() { inside node -e "fetch('http://127.0.0.1:8410$1').then(async (r) => { console.log(await r.text()); process.exit(r.ok ? 0 : 1) })"; }

# --- claims --------------------------------------------------------------------------------------------------------------

install() { commonwheel service install -- --no-mdns --upstream http://127.0.0.1:9/simple/; }
is_good_unit() { inside systemd-analyze verify "$unit"; }
builds_inside_the_unit() { api /api/v1/status | grep -q '"targets":\["cp311'; }
runs_as_its_user() { [ "$(inside stat -c %U "/proc/$(pid_of_node)")" = commonwheel ]; }
survives() {
  signal=$1
  before=$(pid_of_node)
  inside kill "-$signal" "$before"
  for _ in $(seq 120); do
    sleep 1
    now=$(pid_of_node)
    [ "$now" != "$before" ] && [ "$now" != 0 ] && inside systemctl is-active --quiet commonwheel && return
  done
  return 1
}
is_same_node() { [ "$(commonwheel status --json | grep -m1 -o '12D3KooW[A-Za-z0-9]*')" = "$node_id" ]; }
quick_watchdog() {
  inside mkdir -p "$unit.d"
  printf '[Service]\nWatchdogSec=10\nRestartSec=1\n' | inside tee "$unit.d/quick.conf" >/dev/null
  inside systemctl daemon-reload
  inside systemctl restart commonwheel
}
break_program() { inside sh -c 'mv dist/node/start-node.js /srv/kept.js; echo "throw new Error(\"a bad version\")" >dist/node/start-node.js'; }
mend_program() { inside sh -c 'mv /srv/kept.js dist/node/start-node.js; echo "// newer" >>dist/cli/main.js'; }
refuses_bad_version() { ! install && [ "$(version)" = "$first" ] && inside systemctl is-active commonwheel; }
second_version() { install && [ "$(version)" != "$first" ]; }
goes_back() { commonwheel upgrade --rollback && [ "$(version)" = "$first" ]; }
wants_yes() { ! commonwheel service uninstall --purge; }
no_ticket_in_log() { ! inside journalctl -u commonwheel --no-pager | grep -q commonwheel1:; }
uninstall() { commonwheel service uninstall && inside test ! -e "$unit" && inside test -e /var/lib/commonwheel/node.key; }
purge() { commonwheel service uninstall --purge --yes; }
# All that is there and was not before, but for logs and what systemd writes of itself.
nothing_left() {
  listing >"$root.after"
  ! diff "$root.before" "$root.after" | grep '^>' && ! inside id commonwheel
}
listing() { inside find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /srv -o -path /var/log -o -path /var/lib/systemd -o -path /root \) -prune -o -print | grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|\.pwd\.lock$' | sort; }

make_root
fill_root
boot
[ -n "$booted" ] || { note 'systemd did not come up' && cat "$root.boot" && exit 1; }
inside systemctl --version | head -n 1
listing >"$root.before"

check 'installs and is up when the command ends' install
check 'systemd-analyze verify has nothing to say' is_good_unit
inside systemd-analyze security commonwheel.service --no-pager | tail -n 1
check 'the sandbox works inside the hardened unit: it builds for cp311' builds_inside_the_unit
check 'it runs as the user commonwheel' runs_as_its_user
node_id=$(commonwheel status --json | grep -m1 -o '12D3KooW[A-Za-z0-9]*')
check 'a ticket is not in the log' no_ticket_in_log
check 'kill -9: systemd starts it again' survives KILL
check 'it is the same node' is_same_node
check 'a shorter watchdog, in a drop-in' quick_watchdog
check 'SIGSTOP: the watchdog ends it and it runs again' survives STOP
check 'installing again changes nothing' install
first=$(version)
break_program
check 'a version that does not start is taken back, the one before runs' refuses_bad_version
mend_program
check 'a newer version is installed' second_version
check 'upgrade --rollback goes back' goes_back
check 'it is still the same node' is_same_node
check 'service status says so' status_line
check '--purge wants --yes' wants_yes
check 'uninstall keeps the data' uninstall
check 'installs again over kept data' install
check 'it is the same node again' is_same_node
check 'purge' purge
check 'nothing is left' nothing_left
note "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
