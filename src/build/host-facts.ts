import { readdir, lstat } from 'node:fs/promises'

/** What of the host's layout the sandbox must repeat. */
export interface HostFacts {
  /** Links in `/` to folders of `/usr`: `lib64` and such. */
  readonly usrLinks: readonly string[]
  /** Files and folders of `/etc` that programs need and that say nothing of this machine's owner. */
  readonly etcPaths: readonly string[]
}

const USR_LINKS = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']
const ETC_NAMES = new Set([
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'alternatives',
  'os-release',
  'debian_version',
  'fonts',
  'mime.types'
])

/** Public certificates; their private neighbours stay out. */
const CERTIFICATES = '/etc/ssl/certs'

/** Reads the layout once; a machine whose `/bin` is not a link into `/usr` lacks that link in the sandbox too. */
export async function readHostFacts(): Promise<HostFacts> {
  const links = await Promise.all(
    USR_LINKS.map(async (name) => ((await exists(`/usr/${name}`)) ? [name] : []))
  )
  const etc = await readdir('/etc').catch(() => [])
  const kept = etc.filter((name) => ETC_NAMES.has(name) || /^python[23](\.\d+)?$/.test(name)).sort()
  const etcPaths = kept.map((name) => `/etc/${name}`)
  // Debian's pip reads the certificates as it starts, wanted or not.
  return {
    usrLinks: links.flat(),
    etcPaths: (await exists(CERTIFICATES)) ? [...etcPaths, CERTIFICATES] : etcPaths
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false
  )
}
