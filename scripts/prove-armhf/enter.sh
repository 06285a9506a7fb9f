#!/bin/sh
# Runs a command in another root as if that were the machine: it becomes this process, so that signals reach it.
#   scripts/prove-armhf/enter.sh ROOT COMMAND...
# In a plain chroot the kernel refuses user namespaces, and so bubblewrap: the folder has to become the root itself.
# Of the environment it gets what root/settings of that root says; the network is this machine's.
set -eu

root=$1
shift
# shellcheck disable=SC2016 # expanded inside
ROOT="$root" exec unshare --mount --propagation private sh -eu -c '
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
  exec env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
' enter "$@"
