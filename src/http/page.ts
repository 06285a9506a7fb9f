import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gunzip, gzip } from 'node:zlib'
import { GZIP_MIN_BYTES } from './http-limits.ts'

const compress = promisify(gzip)
const inflate = promisify(gunzip)

/** Names and values in turn, as node:http takes them. */
export type HeaderList = readonly string[]

/** One body as it goes over the wire, with its headers ready: a hot page costs a look-up and a write. */
export interface Representation {
  readonly body: Uint8Array<ArrayBuffer>
  /** Strong, and different for the gzip form (RFC 9110 §8.8.1). */
  readonly etag: string
  readonly headers: HeaderList
  /** Of a 304: what a cache must update. */
  readonly notModifiedHeaders: HeaderList
  /** The page of which this is the gzip form. */
  inflated(): Promise<Page>
}

export interface Page {
  readonly plain: Representation
  /** Compressed once, when first asked for; what is too small for that is the plain form. */
  gzip(): Promise<Representation>
}

type Headers = Readonly<Record<string, string>>

/** A body made ready to be sent, with `headers` that both its forms share. */
export function createPage(text: string, headers: Headers): Page {
  return pageOf(Buffer.from(text), headers)
}

function pageOf(body: Uint8Array<ArrayBuffer>, headers: Headers): Page {
  const tag = createHash('sha256').update(body).digest('hex').slice(0, 32)
  const plain: Representation = {
    ...representation(body, `"${tag}"`, headers),
    inflated: () => Promise.resolve(page)
  }
  let compressed: Promise<Representation> | undefined
  const page: Page = {
    plain,
    gzip: () =>
      (compressed ??=
        body.byteLength < GZIP_MIN_BYTES ? Promise.resolve(plain) : gzipForm(body, tag, headers))
  }
  return page
}

/** Apart from the page it is made of, which would else live as long as this does. */
async function gzipForm(
  body: Uint8Array<ArrayBuffer>,
  tag: string,
  headers: Headers
): Promise<Representation> {
  // A copy of the right size: what zlib gives is part of a larger buffer.
  const small = new Uint8Array(await compress(body, { level: constants.Z_DEFAULT_COMPRESSION }))
  return inflatable(small, `"${tag}-gz"`, headers)
}

function inflatable(small: Uint8Array<ArrayBuffer>, etag: string, headers: Headers): Representation {
  return {
    ...representation(small, etag, { ...headers, 'content-encoding': 'gzip' }),
    inflated: async () => pageOf(new Uint8Array(await inflate(small)), headers)
  }
}

function representation(
  body: Uint8Array<ArrayBuffer>,
  etag: string,
  shared: Headers
): Omit<Representation, 'inflated'> {
  const { 'content-type': type, 'content-encoding': encoding, ...lasting } = shared
  const again = [...Object.entries(lasting).flat(), 'etag', etag]
  const own = [
    ...(type === undefined ? [] : ['content-type', type]),
    ...(encoding === undefined ? [] : ['content-encoding', encoding]),
    ...['content-length', String(body.byteLength)]
  ]
  return { body, etag, headers: [...again, ...own], notModifiedHeaders: again }
}
