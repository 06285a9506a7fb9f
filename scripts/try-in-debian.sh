#!/bin/sh
# Proves on a Debian that has nothing that the README's commands are enough.
#   scripts/try-in-debian.sh [--as-is] FOLDER [SUITE] [COMMAND...]
# Makes a minimal Debian (trixie unless SUITE says bookworm, or another) in FOLDER unless one is there, clones this repository
# into it, and runs there COMMAND, `./commonwheel test --yes` when none is given. `--as-is`: the files as they lie here,
# uncommitted ones too. Needs root and debootstrap. FOLDER is left for a look; nothing stays mounted.
# Of this machine the other one gets only what leads to the package registries: resolver, proxies, certificates.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
as_is=no
if [ "${1:-}" = --as-is ]; then
  as_is=yes
  shift
fi
[ $# -ge 1 ] || { echo "usage: $0 [--as-is] FOLDER [SUITE] [COMMAND...]" >&2 && exit 2; }
mkdir -p "$1"
root=$(CDPATH='' cd -- "$1" && pwd)
suite=${2:-trixie}
shift
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- ./commonwheel test --yes

certificates=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
inside_certificates=/etc/ssl/host-certificates.crt

make_root() {
  [ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2 && return 1; }
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  [ ! -e "$certificates" ] || install -D -m 644 "$certificates" "$root$inside_certificates"
  apt-config dump | grep -E '^Acquire::(http|https)::Proxy' >"$root/etc/apt/apt.conf.d/80host-proxy" || true
}

copy_repository() {
  rm -rf "$root/root/commonwheel"
  if [ "$as_is" = no ]; then
    git clone --quiet --no-hardlinks "$repo" "$root/root/commonwheel"
    return
  fi
  mkdir -p "$root/root/commonwheel"
  (cd "$repo" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T - --ignore-failed-read) |
    tar -x -C "$root/root/commonwheel"
}

# NAME=VALUE lines of what leads to the registries from here, for a shell inside.
settings() {
  [ ! -e "$certificates" ] || for name in NODE_EXTRA_CA_CERTS SSL_CERT_FILE PIP_CERT REQUESTS_CA_BUNDLE; do
    echo "$name=$inside_certificates"
  done
  env | grep -E '^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|PIP_INDEX_URL|npm_config_registry|CI)=' || true
}

# In a plain chroot the kernel refuses user namespaces, and so bubblewrap: the folder has to become the root itself.
enter() {
  # shellcheck disable=SC2016 # expanded inside
  ROOT="$root" unshare --mount --propagation private sh -eu -c '
    mount --bind "$ROOT" "$ROOT"
    cd "$ROOT"
    mount -t proc proc proc
    mount --rbind /sys sys
    mount --rbind /dev dev
    mkdir -p .old
    pivot_root . .old
    umount -l /.old
    rmdir /.old
    cd /root/commonwheel
    while IFS= read -r setting; do set -- "$setting" "$@"; done </root/settings
    exec env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' enter "$@"
}

make_root
copy_repository
settings >"$root/root/settings"
enter "$@"
