import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sha256 } from '../core/ids.ts'
import { evictOldest } from './evict.ts'
import type { LockedCrate } from './cargo-sources.ts'
import { runTool } from './run-tool.ts'

const GiB = 1024 ** 3
/** The crates of some hundred Rust packages; one of them has 5 to 60 MiB. */
const MAX_CACHE_BYTES = GiB
const PLAIN_FOLDER = /^[A-Za-z0-9][\w.-]{0,120}$/

/**
 * Archives of crates by their digest, in a folder that no build can write to. cargo takes an archive that lies in its own cache
 * without looking at its digest, so each is looked at here before it is kept.
 */
export class CrateCache {
  readonly #folder: string
  readonly #maxBytes: number
  #made = 0

  constructor(folder: string, maxBytes = MAX_CACHE_BYTES) {
    this.#folder = folder
    this.#maxBytes = maxBytes
  }

  /**
   * Puts what is there of these crates into a fresh cargo home, and gives their number. cargo names the folder of a registry by a
   * digest of its own, which is known from an earlier fetch under the same `key`.
   */
  async seed(cargoHome: string, key: string, crates: readonly LockedCrate[]): Promise<number> {
    const registry = await readFile(this.#nameFile(key), 'utf8').catch(() => '')
    if (!PLAIN_FOLDER.test(registry)) return 0
    const into = join(cargoHome, 'registry', 'cache', registry)
    await mkdir(into, { recursive: true })
    const used: string[] = []
    for (const { name, version, sha256 } of crates) {
      if (await this.#copyOut(sha256, join(into, `${name}-${version}.crate`))) used.push(sha256)
    }
    // their own time says which were wanted last
    if (used.length > 0) await runTool('touch', ['--no-create', '--', ...used], { cwd: this.#folder })
    return used.length
  }

  /** Takes over what cargo fetched of these crates. Only called when no process that could change it lives. */
  async keep(cargoHome: string, key: string, crates: readonly LockedCrate[]): Promise<void> {
    const caches = join(cargoHome, 'registry', 'cache')
    const [registry, ...others] = await readdir(caches).catch(() => [])
    if (registry === undefined || others.length > 0 || !PLAIN_FOLDER.test(registry)) return
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    for (const { name, version, sha256 } of crates)
      await this.#copyIn(join(caches, registry, `${name}-${version}.crate`), sha256)
    await writeFile(this.#nameFile(key), registry)
    await evictOldest(this.#folder, { maxBytes: this.#maxBytes, isInUse: () => false })
  }

  #nameFile(key: string): string {
    return join(this.#folder, `registry-${key.slice(0, 32)}`)
  }

  async #copyOut(sha256: Sha256, path: string): Promise<boolean> {
    const kept = join(this.#folder, sha256)
    try {
      await copyFile(kept, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    return true
  }

  /** Under another name until its digest is known to be right. */
  async #copyIn(path: string, sha256: Sha256): Promise<void> {
    const kept = join(this.#folder, sha256)
    if (await exists(kept)) return
    const source = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      () => undefined
    )
    if (source === undefined) return
    const fresh = `${kept}.${process.pid}-${this.#made++}`
    try {
      const hash = createHash('sha256')
      const target = await open(fresh, 'wx', 0o644)
      try {
        for await (const chunk of source.createReadStream({ autoClose: false })) {
          hash.update(chunk as Buffer)
          await target.write(chunk as Buffer)
        }
      } finally {
        await target.close()
      }
      if (hash.digest('hex') === sha256) await rename(fresh, kept)
    } finally {
      await source.close()
      await rm(fresh, { force: true })
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false
  )
}
