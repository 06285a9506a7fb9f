import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gunzip, gzip } from 'node:zlib'
import { GZIP_MIN_BYTES } from './http-limits.ts'

const compress = promisify(gzip)
const inflate = promisify(gunzip)

/** Names and values in turn, as node:http takes them. */
export type HeaderList = readonly string[]

/**
 * What many pages say alike. A node keeps thousands of pages, of which most are smaller than their headers would be: those are put
 * together for each answer.
 */
export interface PageKind {
  /** Also with an answer that has no body. */
  readonly lasting: HeaderList
  /** All that goes with the body of either form. */
  readonly plain: HeaderList
  readonly gzip: HeaderList
}

interface Shared {
  readonly kind: PageKind
  /** What this page says alone, in all its forms. */
  readonly own: HeaderList
}

/** One body as it goes over the wire: a hot page costs a look-up and a write. */
export class Representation {
  readonly body: Uint8Array<ArrayBuffer>
  /** Strong, and different for the gzip form (RFC 9110 §8.8.1). */
  readonly etag: string
  readonly #shared: Shared
  readonly #isGzip: boolean

  private constructor(body: Uint8Array<ArrayBuffer>, tag: string, shared: Shared, isGzip: boolean) {
    this.body = body
    // Joined, as a sum of strings keeps its parts beside it.
    this.etag = ['"', tag, isGzip ? '-gz"' : '"'].join('')
    this.#shared = shared
    this.#isGzip = isGzip
  }

  static plain(body: Uint8Array<ArrayBuffer>, shared: Shared): Representation {
    return new Representation(
      body,
      createHash('sha256').update(body).digest('hex').slice(0, 32),
      shared,
      false
    )
  }

  /** Of a plain form; that itself when it is too small to be compressed. Knows nothing of it, as that would else live as long. */
  async compressed(): Promise<Representation> {
    if (this.#isGzip || this.body.byteLength < GZIP_MIN_BYTES) return this
    // A copy of the right size: what zlib gives is part of a larger buffer.
    const small = new Uint8Array(await compress(this.body, { level: constants.Z_DEFAULT_COMPRESSION }))
    return new Representation(small, this.etag.slice(1, -1), this.#shared, true)
  }

  /** The plain form again. */
  async inflated(): Promise<Representation> {
    if (!this.#isGzip) return this
    return Representation.plain(new Uint8Array(await inflate(this.body)), this.#shared)
  }

  get headers(): HeaderList {
    const { kind, own } = this.#shared
    const length = String(this.body.byteLength)
    return [...(this.#isGzip ? kind.gzip : kind.plain), ...own, 'etag', this.etag, 'content-length', length]
  }

  /** Of a 304: what a cache must update. */
  get notModifiedHeaders(): HeaderList {
    return [...this.#shared.kind.lasting, ...this.#shared.own, 'etag', this.etag]
  }
}

export interface Page {
  readonly plain: Representation
  /** Compressed once, when first asked for; what is too small for that is the plain form. */
  gzip(): Promise<Representation>
}

/** What pages have in common, `content-type` among it. */
export function pageKind(headers: Readonly<Record<string, string>>): PageKind {
  const lasting = Object.entries(headers).filter(([name]) => name !== 'content-type')
  const plain = Object.entries(headers).flat()
  return { lasting: lasting.flat(), plain, gzip: [...plain, 'content-encoding', 'gzip'] }
}

/** The plain form of a page, ready to be sent. */
export function plainForm(text: string, kind: PageKind, own: HeaderList = NOTHING): Representation {
  return Representation.plain(Buffer.from(text), { kind, own })
}

const NOTHING: HeaderList = []
const BARE = pageKind({})

/** Both forms of a page, without headers of its own. */
export function createPage(text: string): Page {
  const plain = plainForm(text, BARE)
  let compressed: Promise<Representation> | undefined
  return { plain, gzip: () => (compressed ??= plain.compressed()) }
}
