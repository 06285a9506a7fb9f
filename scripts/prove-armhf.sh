#!/bin/sh
# Proves that a 32-bit Raspberry Pi is a full member of a mesh, on a PC: an emulated Debian builds for ARM in its real sandbox.
#   scripts/prove-armhf.sh [--as-is] [--fetch-here] FOLDER
# Makes a Debian 13 (armhf) in FOLDER unless one is there, installs in it what the README says, and this repository (--as-is:
# uncommitted files, too). --fetch-here: this machine's npm fetches
# the packages (they bring their compiled code for all machines), which is quicker than npm in the emulator. Then a node of this machine and one of that Debian become one mesh and build a C extension:
# prove-armhf.ts has the claims. The fixtures come from loopback; only apt and npm reach their registries.
# Needs root on x86-64, debootstrap, qemu-user-static, and the packages of this clone (npm ci). The emulator is 5 to 10 times
# slower than the machine. FOLDER is left for another run; nothing stays mounted in it.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
as_is=no
fetch_here=no
while :; do
  case ${1:-} in
    --as-is) as_is=yes ;;
    --fetch-here) fetch_here=yes ;;
    *) break ;;
  esac
  shift
done
[ $# -eq 1 ] || { echo "usage: $0 [--as-is] [--fetch-here] FOLDER" >&2 && exit 2; }
mkdir -p "$1"
root=$(CDPATH='' cd -- "$1" && pwd)
certificates=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
inside_certificates=/etc/ssl/host-certificates.crt
binfmt=/proc/sys/fs/binfmt_misc

begun=$(date +%s)
note() { printf '[%5d s] %s\n' "$(($(date +%s) - begun))" "$*"; }
enter() { "$repo/scripts/prove-armhf/enter.sh" "$root" "$@"; }

# The kernel must start ARM programs through the emulator in every root: flag F opens it once, from here.
need_emulator() {
  for tool in debootstrap qemu-arm-static; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install debootstrap qemu-user-static" >&2 && exit 1; }
  done
  [ -e "$binfmt/status" ] || mount -t binfmt_misc binfmt_misc "$binfmt"
  [ -e "$binfmt/qemu-arm" ] || register_emulator
}

# The magic of a 32-bit little-endian ELF for ARM, as qemu's own binfmt script has it.
register_emulator() {
  magic='\x7f\x45\x4c\x46\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":qemu-arm:M::$magic:$mask:$(command -v qemu-arm-static):OCF" >"$binfmt/register"
}

make_root() {
  if [ ! -e "$root/etc/debian_version" ]; then
    note 'making a Debian 13 for armhf'
    debootstrap --variant=minbase --arch=armhf trixie "$root" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2 && return 1; }
  fi
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  [ ! -e "$certificates" ] || install -D -m 644 "$certificates" "$root$inside_certificates"
  apt-config dump | grep -E '^Acquire::(http|https)::Proxy' >"$root/etc/apt/apt.conf.d/80host-proxy" || true
  mkdir -p "$root/root/commonwheel"
  settings >"$root/root/settings"
}

# NAME=VALUE lines of what leads to the registries from here.
settings() {
  [ ! -e "$certificates" ] || for name in NODE_EXTRA_CA_CERTS SSL_CERT_FILE; do echo "$name=$inside_certificates"; done
  env | grep -E '^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|npm_config_registry)=' || true
}

# unshare(CLONE_NEWUSER) fails in an emulated program, since the emulator has threads. The machine's own bubblewrap starts
# emulated programs just as well; the filter of system calls knows both machines (src/build/seccomp.ts).
install_packages() {
  [ -e "$root/usr/bin/bwrap" ] && [ -e "$root/usr/bin/npm" ] && return
  note 'installing node, npm, python3-dev, gcc, and a bubblewrap for this machine itself'
  enter sh -eu -c '
    export DEBIAN_FRONTEND=noninteractive
    dpkg --add-architecture amd64
    apt-get update
    apt-get install -y --no-install-recommends nodejs npm python3-dev python3-venv gcc libc6-dev ca-certificates bubblewrap:amd64
  ' >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2 && return 1; }
}

# What is compiled is the same everywhere; the packages are those that npm has for that machine.
copy_program() {
  there=$root/root/commonwheel
  stage=$(mktemp -d)
  if [ "$as_is" = yes ]; then
    (cd "$repo" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T - --ignore-failed-read) | tar -x -C "$stage"
  else
    git -C "$repo" archive HEAD | tar -x -C "$stage"
  fi
  note 'compiling'
  ln -s "$repo/node_modules" "$stage/node_modules"
  "$repo/node_modules/.bin/tsc" -p "$stage/tsconfig.build.json"
  rm "$stage/node_modules"
  find "$there" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
  cp -r "$stage/." "$there/"
  rm -rf "$stage"
  [ "$(cat "$there/node_modules/.of-lock" 2>/dev/null)" = "$(sha256sum <"$there/package-lock.json")" ] && return
  note 'npm ci'
  fetch_packages >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2 && return 1; }
  sha256sum <"$there/package-lock.json" >"$there/node_modules/.of-lock"
}

# npm 11 refuses a lock file without the optional packages that its registry does not have, as ../commonwheel says.
fetch_packages() {
  flags='--omit=dev --no-audit --no-fund'
  # shellcheck disable=SC2086 # several words
  if [ "$fetch_here" = yes ]; then
    (cd "$there" && { npm ci $flags --ignore-scripts || npm install $flags --ignore-scripts; })
  else
    enter npm ci $flags || enter npm install $flags
  fi
}

need_emulator
make_root
install_packages
copy_program
note 'the machine:' "$(enter sh -c '. /etc/os-release; echo "$PRETTY_NAME, $(dpkg --print-architecture), node $(node -p "process.version + String.fromCharCode(32) + process.arch"), $(python3 --version), $(gcc -dumpmachine)"')"
cd "$repo"
exec node_modules/.bin/tsx scripts/prove-armhf.ts "$root"
