import { chmod, mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeApiFile, readApiFile } from '../../config/api-file.ts'
import { type Check, type Finding, failure, ok, skipped, warning } from './check.ts'

const MiB = 1024 ** 2
/** Below it the next wheel, or LevelDB's next table, may not fit. */
const TOO_LITTLE_BYTES = 256 * MiB
/** Each blob takes one; below this share of them a file system is close to its end. */
const FEW_INODES = 0.05

export const nodeVersion: Check = {
  id: 'node-version',
  title: 'Node.js',
  why: 'Older versions lack what libp2p needs.',
  async run() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const isEnough = major > 20 || (major === 20 && minor >= 19)
    const found = `version ${process.versions.node}`
    return isEnough ? ok(found) : failure(found, 'install Node.js 20.19 or newer')
  }
}

export const dataFolder: Check = {
  id: 'data-folder',
  title: 'data folder',
  why: 'Everything that the node must not lose lies there; a worn card turns read-only without a word.',
  async run({ config: { dataDir } }) {
    const there = await stat(dataDir).catch(() => undefined)
    if (there === undefined) return warning(`${dataDir} does not exist yet`, 'commonwheel join')
    const probe = join(dataDir, 'doctor.probe')
    try {
      await writeFile(probe, 'probe\n', { flush: true })
      return ok(`${dataDir} takes writes`)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'an unknown error'
      return failure(`${dataDir} takes no writes (${code})`, WRITE_CURES[code] ?? 'look at dmesg')
    } finally {
      await rm(probe, { force: true }).catch(() => undefined)
    }
  }
}

const WRITE_CURES: Readonly<Record<string, string>> = {
  EROFS:
    'sudo dmesg | grep -i ext4: it says why the kernel made it read-only; replace the card, then restore a backup',
  ENOSPC: 'free some space; the node goes on by itself',
  EACCES: 'run it as the user who owns the folder (sudo?)'
}

export const space: Check = {
  id: 'space',
  title: 'free space',
  why: 'A full disk stops builds and records until somebody makes room.',
  async run({ config: { dataDir, minFree } }) {
    const { bavail, bsize } = await statfs(await existing(dataDir))
    const free = bavail * bsize
    const found = `${Math.floor(free / MiB)} MiB free`
    if (free < TOO_LITTLE_BYTES) {
      return failure(
        found,
        'free some space, or set `disk` in config.json so that the node keeps fewer files'
      )
    }
    if (free >= minFree) return ok(found)
    return warning(
      `${found}, less than the ${Math.floor(minFree / MiB)} MiB of minFree`,
      'make room: it builds nothing and keeps no more files until then'
    )
  }
}

export const inodes: Check = {
  id: 'inodes',
  title: 'free inodes',
  why: 'Each wheel, log and page is a file; without inodes the disk is full with room to spare.',
  async run({ config: { dataDir } }) {
    const { files, ffree } = await statfs(await existing(dataDir))
    // btrfs and the like make them as they are needed.
    if (files === 0) return ok('this file system makes them as needed')
    const found = `${ffree} of ${files} free`
    return ffree / files >= FEW_INODES
      ? ok(found)
      : warning(found, 'df -i; move the data folder to a larger file system')
  }
}

/** Files that only their owner may read: who reads them can speak as this node, or steer it. */
const SECRETS = ['node.key', 'api.json'] as const

export const permissions: Check = {
  id: 'permissions',
  title: 'secrets',
  why: 'Whoever reads node.key can speak as this node; with api.json they can steer it.',
  async run({ config: { dataDir } }) {
    const open: string[] = []
    let seen = 0
    for (const name of SECRETS) {
      const path = join(dataDir, name)
      const found = await stat(path).catch(() => undefined)
      if (found === undefined) continue
      seen += 1
      if ((found.mode & 0o077) !== 0) open.push(path)
    }
    if (seen === 0) return skipped('there are none yet')
    if (open.length === 0) return ok('only their owner reads them')
    return {
      ...failure(`others may read ${open.join(' and ')}`, `chmod 600 ${open.join(' ')}`),
      async fix() {
        for (const path of open) await chmod(path, 0o600)
        return 'only their owner reads them now'
      }
    }
  }
}

export const running: Check = {
  id: 'running',
  title: 'the node',
  why: 'Only a node that runs builds, serves and repairs itself.',
  async run({ config: { dataDir }, node }): Promise<Finding> {
    const file = await readApiFile(dataDir)
    if (node !== undefined) {
      const { health } = node
      return health.ok
        ? ok('it runs')
        : warning(`it runs, and says: ${health.problems.join('; ')}`, 'commonwheel status')
    }
    if (file === undefined) return warning('it does not run', 'commonwheel join')
    return {
      ...warning(`it does not answer at ${file.url} (process ${file.pid})`, 'commonwheel join'),
      // A file of a node that was killed only misleads; one of a node that lives is left alone.
      ...(isAlive(file.pid)
        ? {}
        : {
            async fix() {
              await removeApiFile(dataDir, file.pid)
              return 'the file of the node that died is gone'
            }
          })
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The folder, or the one in which it will be made. */
async function existing(dataDir: string): Promise<string> {
  const there = await stat(dataDir).catch(() => undefined)
  if (there !== undefined) return dataDir
  const parent = join(dataDir, '..')
  await mkdir(parent, { recursive: true })
  return parent
}
