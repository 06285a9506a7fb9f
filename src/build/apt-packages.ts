import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface AptPackages {
  /** The installed packages with the given libraries, sorted; libraries that no package has are left out. */
  ownersOf(sonames: Iterable<string>, platform: string): Promise<readonly string[]>
}

const DPKG_INFO = '/var/lib/dpkg/info'
/** On every Debian there is: naming it would tell nobody anything. */
const EVERYWHERE = 'libc6'

const MULTIARCH: Readonly<Record<string, string>> = {
  linux_aarch64: 'aarch64-linux-gnu',
  linux_armv6l: 'arm-linux-gnueabihf',
  linux_armv7l: 'arm-linux-gnueabihf',
  linux_i686: 'i386-linux-gnu',
  linux_riscv64: 'riscv64-linux-gnu',
  linux_x86_64: 'x86_64-linux-gnu'
}

/**
 * Which Debian packages own shared libraries, by dpkg's file lists and without running anything. Empty where there is no
 * dpkg. Lists are read once and again after a change of dpkg's folder.
 */
export function createAptPackages(dpkgInfo: string = DPKG_INFO): AptPackages {
  let readAt = -1
  let owners: Promise<Owners> = Promise.resolve(new Map())

  async function current(): Promise<Owners> {
    const changed = await stat(dpkgInfo).then(
      (one) => one.mtimeMs,
      () => -1
    )
    if (changed !== readAt) {
      readAt = changed
      owners = readOwners(dpkgInfo)
    }
    return owners
  }

  return {
    async ownersOf(sonames, platform) {
      const known = await current()
      const found = [...sonames].flatMap((soname) => ownerOf(known, soname, MULTIARCH[platform] ?? '') ?? [])
      return [...new Set(found)].filter((name) => name !== EVERYWHERE).sort()
    }
  }
}

/** Packages by path, by library name: the name is what links ask for, the path tells architectures apart. */
type Owners = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The loader's own folders first; then anywhere of that architecture, since alternatives are links that nobody owns. */
function ownerOf(owners: Owners, soname: string, multiarch: string): string | undefined {
  const paths = owners.get(soname)
  if (paths === undefined) return undefined
  const standard = [`/usr/lib/${multiarch}/${soname}`, `/usr/lib/${soname}`, `/usr/lib64/${soname}`]
  const elsewhere = [...paths.keys()].filter((path) => path.startsWith(`/usr/lib/${multiarch}/`)).sort()
  return [...standard, ...elsewhere].map((path) => paths.get(path)).find((name) => name !== undefined)
}

async function readOwners(dpkgInfo: string): Promise<Owners> {
  const owners = new Map<string, Map<string, string>>()
  const names = await readdir(dpkgInfo).catch(() => [])
  for (const list of names.filter((name) => name.endsWith('.list'))) {
    // A package may be removed while we read; its list is then simply gone.
    const text = await readFile(join(dpkgInfo, list), 'utf8').catch(() => '')
    for (const path of text.split('\n')) {
      if (/\.so(\.|$)/.test(path)) addOwner(owners, path, packageOf(list))
    }
  }
  return owners
}

/** dpkg still says /lib where merged-/usr systems have /usr/lib. */
function addOwner(owners: Map<string, Map<string, string>>, path: string, name: string): void {
  const normal = path.replace(/^\/lib/, '/usr/lib')
  const soname = normal.slice(normal.lastIndexOf('/') + 1)
  const paths = owners.get(soname) ?? new Map<string, string>()
  owners.set(soname, paths)
  paths.set(normal, name)
}

/** `zlib1g:arm64.list` is zlib1g. */
function packageOf(list: string): string {
  return list.slice(0, -'.list'.length).replace(/:.*$/, '')
}
