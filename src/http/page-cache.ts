import type { Page, Representation } from './page.ts'

export type Form = 'plain' | 'gzip'

export interface PageCache {
  /** The page of `key`, if it is kept and of that revision. */
  find(key: string, revision: string): KeptPage | undefined
  /** Keeps a page that was made, unless it fills the whole cache: it would push all others out, and then itself. */
  put(key: string, revision: string, page: Page): KeptPage
}

interface Entry {
  readonly revision: string
  readonly page: KeptPage
  /** Asked for since the cache looked last. */
  isUsed: boolean
  /** As last counted: a page grows and shrinks when a form of it is made. */
  bytes: number
}

/**
 * Keeps the pages that are asked for, up to `maxBytes` in sum. To be asked for only leaves a mark, as that happens ten thousand times a
 * second; when room is needed, the oldest without a mark go, and the others lose theirs (the “second chance” rule).
 */
export function createPageCache(maxBytes: number): PageCache {
  const entries = new Map<string, Entry>()
  let total = 0

  function count(entry: Entry): void {
    total += entry.page.bytes() - entry.bytes
    entry.bytes = entry.page.bytes()
  }

  function forget(key: string): void {
    total -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }

  function shrink(): void {
    for (const [oldest, entry] of entries) {
      if (total <= maxBytes) return
      if (!entry.isUsed) {
        forget(oldest)
        continue
      }
      entry.isUsed = false
      // To the end, where this very loop comes to it again when all others were used as well.
      entries.delete(oldest)
      entries.set(oldest, entry)
    }
  }

  return {
    find(key, revision) {
      const entry = entries.get(key)
      if (entry?.revision !== revision) return undefined
      entry.isUsed = true
      return entry.page
    },
    put(key, revision, made) {
      forget(key)
      const page: KeptPage = new KeptPage(made, () => {
        const entry = entries.get(key)
        if (entry?.page === page) count(entry)
        shrink()
      })
      if (page.bytes() > maxBytes) return page
      const entry = { revision, page, isUsed: true, bytes: 0 }
      entries.set(key, entry)
      count(entry)
      shrink()
      return page
    }
  }
}

/**
 * A rendered page. Clients of an index ask for gzip: the plain form, five times as large, is let go once that is made, and made
 * again of it when somebody asks for it after all.
 */
export class KeptPage {
  readonly #whenOther: () => void
  readonly #making = new Map<Form, Promise<Representation>>()
  #page: Page | undefined
  #gzip: Representation | undefined
  #isPlainAsked = false

  constructor(page: Page, whenOther: () => void) {
    this.#page = page
    this.#whenOther = whenOther
  }

  /** The form, if it can be had at once. */
  ready(form: Form): Representation | undefined {
    if (form === 'gzip') return this.#gzip
    this.#isPlainAsked = true
    return this.#page?.plain
  }

  /** Compressed or inflated once, when first asked for. */
  get(form: Form): Promise<Representation> {
    const ready = this.ready(form)
    if (ready !== undefined) return Promise.resolve(ready)
    const running = this.#making.get(form)
    if (running !== undefined) return running
    const making = (form === 'gzip' ? this.#compress() : this.#inflate()).finally(() => {
      this.#making.delete(form)
      this.#whenOther()
    })
    this.#making.set(form, making)
    return making
  }

  /** Memory held. */
  bytes(): number {
    const [plain, gzip] = [this.#page?.plain, this.#gzip]
    return (plain?.body.byteLength ?? 0) + (gzip === undefined || gzip === plain ? 0 : gzip.body.byteLength)
  }

  async #compress(): Promise<Representation> {
    if (this.#page === undefined) throw new TypeError('a page has one of its forms at any time')
    this.#gzip = await this.#page.gzip()
    if (!this.#isPlainAsked && this.#gzip !== this.#page.plain) this.#page = undefined
    return this.#gzip
  }

  async #inflate(): Promise<Representation> {
    if (this.#gzip === undefined) throw new TypeError('a page has one of its forms at any time')
    this.#page = await this.#gzip.inflated()
    return this.#page.plain
  }
}
