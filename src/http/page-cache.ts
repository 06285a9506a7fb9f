import { PAGE_ENTRY_BYTES } from './http-limits.ts'
import type { Representation } from './page.ts'

export type Form = 'plain' | 'gzip'

/** Pages of one view in one format, by the project's name. */
export interface PageShelf {
  /** The page of that name, if it is kept and of that revision. */
  find(name: string, revision: string): KeptPage | undefined
  /** Keeps a page that was made, unless it fills the whole cache: it would push all others out, and then itself. */
  put(name: string, revision: string, plain: Representation): KeptPage
}

export interface PageCache {
  /** Another shelf under the same bound. */
  shelf(): PageShelf
}

/**
 * Keeps the pages that are asked for, up to `maxBytes` in sum, with what each costs beside its bytes. To be asked for only leaves a
 * mark, as that happens ten thousand times a second; when room is needed, the oldest without a mark go, and the others lose theirs
 * (the “second chance” rule).
 */
export function createPageCache(maxBytes: number): PageCache {
  const inOrder = new Set<Entry>()
  let total = 0

  function count(entry: Entry): void {
    const bytes = entry.bytes() + PAGE_ENTRY_BYTES
    total += bytes - entry.counted
    entry.counted = bytes
  }

  function forget(entry: Entry): void {
    if (!inOrder.delete(entry)) return
    entry.shelf.delete(entry.name)
    total -= entry.counted
  }

  function shrink(): void {
    for (const oldest of inOrder) {
      if (total <= maxBytes) return
      if (!oldest.isUsed) {
        forget(oldest)
        continue
      }
      oldest.isUsed = false
      // To the end, where this very loop comes to it again when all others were used as well.
      inOrder.delete(oldest)
      inOrder.add(oldest)
    }
  }

  function grown(page: KeptPage): void {
    if (page instanceof Entry && inOrder.has(page)) count(page)
    shrink()
  }

  return {
    shelf() {
      const entries = new Map<string, Entry>()
      return {
        find(name, revision) {
          const entry = entries.get(name)
          if (entry?.revision !== revision) return undefined
          entry.isUsed = true
          return entry
        },
        put(name, revision, plain) {
          const known = entries.get(name)
          if (known !== undefined) forget(known)
          const entry = new Entry({ shelf: entries, name, revision }, plain, grown)
          if (entry.bytes() + PAGE_ENTRY_BYTES > maxBytes) return entry
          entries.set(name, entry)
          inOrder.add(entry)
          count(entry)
          shrink()
          return entry
        }
      }
    }
  }
}

/**
 * A rendered page. Clients of an index ask for gzip: the plain form, five times as large, is let go once that is made, and made
 * again of it when somebody asks for it after all.
 */
export class KeptPage {
  readonly #whenOther: (page: KeptPage) => void
  #making: Map<Form, Promise<Representation>> | undefined
  #plain: Representation | undefined
  #gzip: Representation | undefined
  #isPlainAsked = false

  constructor(plain: Representation, whenOther: (page: KeptPage) => void) {
    this.#plain = plain
    this.#whenOther = whenOther
  }

  /** The form, if it can be had at once. */
  ready(form: Form): Representation | undefined {
    if (form === 'gzip') return this.#gzip
    this.#isPlainAsked = true
    return this.#plain
  }

  /** Compressed or inflated once, when first asked for. */
  get(form: Form): Promise<Representation> {
    const ready = this.ready(form)
    if (ready !== undefined) return Promise.resolve(ready)
    const known = this.#making?.get(form)
    if (known !== undefined) return known
    const making = (form === 'gzip' ? this.#compress() : this.#inflate()).finally(() => {
      this.#made(form)
    })
    this.#making ??= new Map()
    this.#making.set(form, making)
    return making
  }

  /** Memory held by its bytes. */
  bytes(): number {
    const [plain, gzip] = [this.#plain, this.#gzip]
    return (plain?.body.byteLength ?? 0) + (gzip === undefined || gzip === plain ? 0 : gzip.body.byteLength)
  }

  #made(form: Form): void {
    this.#making?.delete(form)
    if (this.#making?.size === 0) this.#making = undefined
    this.#whenOther(this)
  }

  async #compress(): Promise<Representation> {
    if (this.#plain === undefined) throw new TypeError('a page has one of its forms at any time')
    this.#gzip = await this.#plain.compressed()
    if (!this.#isPlainAsked && this.#gzip !== this.#plain) this.#plain = undefined
    return this.#gzip
  }

  async #inflate(): Promise<Representation> {
    if (this.#gzip === undefined) throw new TypeError('a page has one of its forms at any time')
    this.#plain = await this.#gzip.inflated()
    return this.#plain
  }
}

interface Place {
  readonly shelf: Map<string, Entry>
  readonly name: string
  readonly revision: string
}

/** One object for each page, as there are thousands. */
class Entry extends KeptPage {
  readonly shelf: Map<string, Entry>
  readonly name: string
  readonly revision: string
  /** Asked for since the cache looked last. */
  isUsed = true
  /** As last counted: a page grows and shrinks when a form of it is made. */
  counted = 0

  constructor({ shelf, name, revision }: Place, plain: Representation, whenOther: (page: KeptPage) => void) {
    super(plain, whenOther)
    this.shelf = shelf
    this.name = name
    this.revision = revision
  }
}
