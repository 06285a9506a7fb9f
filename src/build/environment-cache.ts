import { mkdir, open, readFile, rename, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from './build-place.ts'
import { evictOldest, type CacheBounds } from './evict.ts'
import { done, type Step } from './step.ts'
import { manifestOf } from './tree-manifest.ts'

/** Build requirements, installed once: seen read-only by every build that has the same ones. */
export interface ReadyEnvironment {
  /** A virtual environment without pip; seen as INSIDE.environment. */
  readonly tree: string
  /** The wheels it was made of. */
  readonly wheels: string
  /** Nobody builds with it any more. */
  release(): void
}

/** Fills a fresh folder's `tree` and `wheels`, which the node owns when this is done. */
export type MakeEnvironment = (folder: string) => Promise<Step<undefined>>

/** What is in an environment, written last: one without it was never finished. */
const MANIFEST = 'manifest'
const TREE = 'tree'
const WHEELS = 'wheels'

/**
 * Prepared environments by what they are made of. Each is compared with its manifest, byte by byte, the first time that a process
 * uses it: only the node writes here, so what a process found whole stays whole until a power cut, which ends the process, too.
 */
export class EnvironmentCache {
  readonly #folder: string
  readonly #bounds: CacheBounds
  readonly #sound = new Set<string>()
  readonly #users = new Map<string, number>()
  readonly #making = new Map<string, Promise<Step<undefined>>>()

  constructor(folder: string, bounds: CacheBounds) {
    this.#folder = folder
    this.#bounds = bounds
  }

  /** The environment of this key; made when it is not there or not whole. Of several that want one at once, the first makes it. */
  async obtain(key: string, make: MakeEnvironment): Promise<Step<ReadyEnvironment>> {
    this.#use(key, 1)
    try {
      const made = await this.#ensure(key, make)
      if (made.kind === 'failed') {
        this.#use(key, -1)
        return made
      }
    } catch (error) {
      this.#use(key, -1)
      throw error
    }
    return done(this.#ready(key))
  }

  async #ensure(key: string, make: MakeEnvironment): Promise<Step<undefined>> {
    for (;;) {
      const running = this.#making.get(key)
      if (running === undefined) break
      // Whatever becomes of another's try, perhaps aborted, this one looks for itself.
      await running.catch(() => undefined)
    }
    const work = this.#findOrMake(key, make)
    this.#making.set(key, work)
    try {
      return await work
    } finally {
      this.#making.delete(key)
    }
  }

  async #findOrMake(key: string, make: MakeEnvironment): Promise<Step<undefined>> {
    const folder = join(this.#folder, key)
    if (await this.#isSound(key)) {
      const nowS = this.#bounds.clock.wallMs() / 1000
      await utimes(folder, nowS, nowS)
      return done(undefined)
    }
    await removeTree(folder)
    const fresh = `${folder}.new`
    await removeTree(fresh)
    await mkdir(fresh, { recursive: true, mode: 0o711 })
    try {
      const made = await make(fresh)
      if (made.kind === 'failed') return made
      await writeSynced(join(fresh, MANIFEST), await contentOf(fresh))
      await rename(fresh, folder)
    } finally {
      await removeTree(fresh)
    }
    this.#sound.add(key)
    await evictOldest(this.#folder, {
      maxBytes: this.#bounds.maxBytes,
      isInUse: (name) => this.#users.has(name.replace(/\.new$/, ''))
    })
    return done(undefined)
  }

  async #isSound(key: string): Promise<boolean> {
    const folder = join(this.#folder, key)
    const manifest = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined)
    if (manifest === undefined) return false
    if (this.#sound.has(key)) return true
    const isSound = (await contentOf(folder).catch(() => '')) === manifest
    if (isSound) this.#sound.add(key)
    return isSound
  }

  #ready(key: string): ReadyEnvironment {
    const folder = join(this.#folder, key)
    let isReleased = false
    return {
      tree: join(folder, TREE),
      wheels: join(folder, WHEELS),
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#use(key, -1)
      }
    }
  }

  #use(key: string, change: 1 | -1): void {
    const users = (this.#users.get(key) ?? 0) + change
    if (users > 0) this.#users.set(key, users)
    else this.#users.delete(key)
  }
}

/** The folders that a {@link MakeEnvironment} fills. */
export function foldersOf(folder: string): { readonly tree: string; readonly wheels: string } {
  return { tree: join(folder, TREE), wheels: join(folder, WHEELS) }
}

async function contentOf(folder: string): Promise<string> {
  const { tree, wheels } = foldersOf(folder)
  return `${await manifestOf(tree)}\n${await manifestOf(wheels)}`
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
