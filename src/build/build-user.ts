import { readFile } from 'node:fs/promises'

/** Below Debian's dynamic ranges and unlikely to be anybody's: lets a root node build without a user being made first. */
const FALLBACK_BUILD_UID = 59_217

/** As whom builds run: `drop` when the node is root, else as the node itself. */
export interface BuildUser {
  readonly kind: 'drop' | 'same'
  readonly uid: number
  readonly gid: number
}

/** The user to build as on this machine; `name` may be a number too. bubblewrap is never started as root: it would still be root underneath. */
export async function findBuildUser(name: string): Promise<BuildUser> {
  const uid = process.getuid?.() ?? -1
  const gid = process.getgid?.() ?? -1
  if (uid !== 0) return { kind: 'same', uid, gid }
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return { kind: 'drop', ...userOf(passwd, name) }
}

function userOf(passwd: string, name: string): { readonly uid: number; readonly gid: number } {
  if (/^[1-9]\d*$/.test(name)) return { uid: Number(name), gid: Number(name) }
  const line = passwd.split('\n').find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = (line ?? '').split(':').map(Number)
  if (uid === undefined || gid === undefined || !(uid > 0) || !(gid > 0)) {
    return { uid: FALLBACK_BUILD_UID, gid: FALLBACK_BUILD_UID }
  }
  return { uid, gid }
}

/** The words before a command that make a root node run it as the build user, with no way back. */
export function dropPrefix(user: BuildUser): readonly string[] {
  if (user.kind === 'same') return []
  return [
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--bounding-set=-all',
    '--no-new-privs',
    '--'
  ]
}
