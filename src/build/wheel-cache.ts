import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Sha256 } from '../core/ids.ts'
import { removeTree } from './build-place.ts'
import { evictOldest, type CacheBounds } from './evict.ts'

/** A requirement's wheel that is held, by the digest of its bytes. */
export interface CachedWheel {
  readonly path: string
  readonly filename: string
  readonly sha256: Sha256
}

/**
 * Wheels of build requirements by digest, kept between builds. The folder is the node's: builds see copies or links of single
 * files, read-only. What is taken out has been read whole and has the right bytes, whatever happened to the disk.
 */
export class WheelCache {
  readonly #folder: string
  readonly #bounds: CacheBounds

  constructor(folder: string, bounds: CacheBounds) {
    this.#folder = folder
    this.#bounds = bounds
  }

  /** Undefined when it is not held, or not whole any more. */
  async find(sha256: Sha256): Promise<CachedWheel | undefined> {
    const folder = join(this.#folder, sha256)
    const [filename, ...others] = await readdir(folder).catch(() => [])
    if (filename === undefined || others.length > 0) return undefined
    const path = join(folder, filename)
    if ((await digestOf(path).catch(() => undefined)) !== sha256) {
      await removeTree(folder)
      return undefined
    }
    const nowS = this.#bounds.clock.wallMs() / 1000
    await utimes(folder, nowS, nowS)
    return { path, filename, sha256 }
  }

  /** Takes a copy of a wheel that the build user wrote, and tells its digest. */
  async keep(source: string): Promise<CachedWheel> {
    await mkdir(this.#folder, { recursive: true, mode: 0o711 })
    const fresh = await mkdtemp(join(this.#folder, 'new-'))
    const filename = basename(source)
    try {
      const sha256 = await copyAndDigest(source, join(fresh, filename))
      const folder = join(this.#folder, sha256)
      // Somebody else's build may have brought the same one a moment ago.
      await rename(fresh, folder).catch(async () => removeTree(fresh))
      await evictOldest(this.#folder, { maxBytes: this.#bounds.maxBytes, isInUse: (name) => name === sha256 })
      return { path: join(folder, filename), filename, sha256 }
    } catch (error) {
      await removeTree(fresh)
      throw error
    }
  }
}

async function copyAndDigest(source: string, path: string): Promise<Sha256> {
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const to = await open(path, 'wx', 0o644)
    try {
      const hash = createHash('sha256')
      for await (const chunk of from.createReadStream({ autoClose: false })) {
        hash.update(chunk as Buffer)
        await to.write(chunk as Buffer)
      }
      await to.chmod(0o644)
      return hash.digest('hex') as Sha256
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

async function digestOf(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
