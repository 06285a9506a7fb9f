import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** What makes a root without the toolchain list: a C compiler, Python with its headers, the sandbox. */
const MAKE_BARE_ROOT =
  'debootstrap --variant=minbase --include=gcc,python3,python3-dev,python3-venv,bubblewrap,ca-certificates,libstdc++6 bookworm ROOT'

export interface BareRun {
  /** Of the root that debootstrap made. */
  readonly root: string
  /** This repository, seen read-only at the same place. */
  readonly repository: string
  /** For the results and the data folder, seen at the same place. */
  readonly folder: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * In a mount namespace of its own, with the root in the place of `/`. Not by chroot: the kernel gives no user namespaces to a process
 * whose root is not that of its mount namespace, and a sandbox needs one.
 */
const ENTER = `
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs tmpfs "$ROOT/run"
for folder in /etc/ssl/certs /usr/local/share/ca-certificates; do
  if [ -d "$folder" ]; then mkdir -p "$ROOT$folder"; mount --bind -o ro "$folder" "$ROOT$folder"; fi
done
cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/"
install -m 755 "$NODE" "$ROOT/usr/local/bin/node"
mkdir -p "$ROOT$REPOSITORY" "$ROOT$FOLDER" "$ROOT/.old"
mount --bind -o ro "$REPOSITORY" "$ROOT$REPOSITORY"
mount --bind "$FOLDER" "$ROOT$FOLDER"
cd "$ROOT"
pivot_root . .old
umount -l /.old
cd "$REPOSITORY"
exec /usr/local/bin/node --import tsx scripts/sixty-releases.ts "$@"
`

/** Runs this script again in the bare root; gives its exit code. */
export async function runInBareRoot({ root, repository, folder, args, env }: BareRun): Promise<number> {
  await access(join(root, 'usr/bin/python3')).catch(() => {
    throw new Error(`${root} is no Debian root; cure: ${MAKE_BARE_ROOT.replace('ROOT', root)}`)
  })
  await mkdir(folder, { recursive: true })
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-eu', '-c', ENTER, 'enter', ...args],
    {
      stdio: 'inherit',
      env: { ...env, ROOT: root, REPOSITORY: repository, FOLDER: folder, NODE: process.execPath }
    }
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
