import { createReadStream, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { MAX_NODE_PACKAGES } from '../core/limits.ts'
import { packagePath } from './package-path.ts'

/** One line of config/toolchain-apt.txt. */
export interface ToolchainPackage {
  readonly name: string
  /** Projects that need it, or what else it is good for. */
  readonly unlocks: string
}

/** The development packages that are worth having, in the order of the file. */
export function toolchainPackages(): readonly ToolchainPackage[] {
  return parseToolchain(readFileSync(packagePath('config/toolchain-apt.txt'), 'utf8'))
}

/** `name  # projects`, one a line; a line without a name is a remark. */
export function parseToolchain(text: string): readonly ToolchainPackage[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', ...remark] = line.split('#')
    return name.trim() === '' ? [] : [{ name: name.trim(), unlocks: remark.join('#').trim() }]
  })
}

const DPKG_STATUS = '/var/lib/dpkg/status'

/** Which packages of the system are there, by dpkg's own file and without running anything. */
export class InstalledPackages {
  readonly #status: string
  readonly #wanted: ReadonlySet<string>
  #read: { readonly version: string; readonly names: readonly string[] } | undefined

  /** `wanted`: what is looked for; the rest of the system is nobody's business. */
  constructor(wanted: Iterable<string>, status: string = DPKG_STATUS) {
    this.#wanted = new Set(wanted)
    this.#status = status
  }

  /** Those of the wanted that are installed, sorted; read again only when dpkg changed its file. None where there is no dpkg. */
  async names(): Promise<readonly string[]> {
    const version = await stat(this.#status).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => ''
    )
    if (version === '') return []
    if (this.#read?.version !== version) this.#read = { version, names: await this.#scan() }
    return this.#read.names
  }

  async #scan(): Promise<readonly string[]> {
    const found = new Set<string>()
    for await (const { name, provides } of installedIn(this.#status)) {
      for (const one of [name, ...provides]) if (this.#wanted.has(one)) found.add(one)
    }
    return [...found].sort().slice(0, MAX_NODE_PACKAGES)
  }
}

interface Installed {
  readonly name: string
  /** What it stands for besides (Debian Policy §7.5): libjpeg62-turbo-dev for libjpeg-dev. */
  readonly provides: readonly string[]
}

/** Paragraphs of dpkg's status file (deb822), line by line: it is some megabytes. */
async function* installedIn(path: string): AsyncGenerator<Installed> {
  let [name, status, provides] = ['', '', '']
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })
  for await (const line of lines) {
    if (line === '') {
      if (isInstalled(status)) yield { name, provides: namesIn(provides) }
      ;[name, status, provides] = ['', '', '']
    } else if (line.startsWith('Package: ')) name = line.slice('Package: '.length)
    else if (line.startsWith('Status: ')) status = line.slice('Status: '.length)
    else if (line.startsWith('Provides: ')) provides = line.slice('Provides: '.length)
  }
  if (isInstalled(status)) yield { name, provides: namesIn(provides) }
}

/** `hold` and `install` want it; only the last word says that it is there and whole. */
function isInstalled(status: string): boolean {
  return status.endsWith(' ok installed')
}

/** `libjpeg-dev (= 1:2.1.5), libjpeg62-dev`. */
function namesIn(provides: string): readonly string[] {
  return provides
    .split(',')
    .map((one) => one.trim().split(/[ :(]/, 1)[0] ?? '')
    .filter((one) => one !== '')
}
