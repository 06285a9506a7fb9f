import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { GZIP_MIN_BYTES } from './http-limits.ts'

const compress = promisify(gzip)

/** One body as it goes over the wire, with its headers ready: a hot page costs a look-up and a write. */
export interface Representation {
  readonly body: Uint8Array<ArrayBuffer>
  /** Strong, and different for the gzip form (RFC 9110 §8.8.1). */
  readonly etag: string
  readonly headers: Readonly<Record<string, string>>
  /** Of a 304: what a cache must update. */
  readonly notModifiedHeaders: Readonly<Record<string, string>>
}

export interface CachedPage {
  readonly plain: Representation
  /** Compressed once, when first asked for. */
  gzip(): Promise<Representation>
  /** Memory held. */
  bytes(): number
}

export interface PageCache {
  /** The page of `key`, rendered anew only when `revision` is another than last time. */
  get(key: string, revision: string, render: () => CachedPage): CachedPage
}

/** Keeps the pages that were asked for last, up to `maxBytes` in sum; a page larger than that is rendered each time. */
export function createPageCache(maxBytes: number): PageCache {
  const pages = new Map<string, { readonly revision: string; readonly page: CachedPage }>()
  const evict = (): void => {
    let bytes = 0
    for (const { page } of pages.values()) bytes += page.bytes()
    for (const [key, { page }] of pages) {
      if (bytes <= maxBytes) return
      pages.delete(key)
      bytes -= page.bytes()
    }
  }
  return {
    get(key, revision, render): CachedPage {
      const held = pages.get(key)
      const page = held?.revision === revision ? held.page : render()
      pages.delete(key)
      // One that fills the whole cache would push all others out, and then itself.
      if (page.bytes() > maxBytes) return page
      pages.set(key, { revision, page })
      if (page !== held?.page) evict()
      return page
    }
  }
}

/** A body made ready to be sent, with `headers` that both its forms share. */
export function createPage(text: string, headers: Readonly<Record<string, string>>): CachedPage {
  const body = Buffer.from(text)
  const tag = createHash('sha256').update(body).digest('hex').slice(0, 32)
  const plain = representation(body, `"${tag}"`, headers)
  let compressed: Promise<Representation> | undefined
  let compressedBytes = 0
  const deflate = async (): Promise<Representation> => {
    const small = Buffer.from(await compress(body, { level: constants.Z_DEFAULT_COMPRESSION }))
    compressedBytes = small.byteLength
    return representation(small, `"${tag}-gz"`, { ...headers, 'content-encoding': 'gzip' })
  }
  return {
    plain,
    gzip: () => (compressed ??= body.byteLength < GZIP_MIN_BYTES ? Promise.resolve(plain) : deflate()),
    bytes: () => body.byteLength + compressedBytes
  }
}

function representation(
  body: Buffer<ArrayBuffer>,
  etag: string,
  shared: Readonly<Record<string, string>>
): Representation {
  const { 'content-type': type, 'content-encoding': encoding, ...lasting } = shared
  return {
    body,
    etag,
    headers: {
      ...lasting,
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      'content-length': String(body.byteLength),
      etag
    },
    notModifiedHeaders: { ...lasting, etag }
  }
}
