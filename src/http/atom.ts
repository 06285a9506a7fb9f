import { createHash } from 'node:crypto'
import { escapeHtml } from './markup.ts'
import { isoSeconds } from './words.ts'

/** A feed by RFC 4287. Addresses are absolute: not every reader knows what a relative one is relative to. */
export interface AtomFeed {
  /** What makes its id: the same on every node of the mesh, for ever. */
  readonly key: string
  readonly title: string
  readonly author: string
  readonly self: string
  readonly page: string
  /** When nothing has happened yet. */
  readonly createdMs: number
  /** Newest first. */
  readonly entries: readonly AtomEntry[]
}

export interface AtomEntry {
  readonly key: string
  readonly title: string
  readonly author: string
  readonly page: string
  readonly updatedMs: number
  readonly summary: string
}

export function atomXml(feed: AtomFeed): string {
  const updatedMs = Math.max(feed.createdMs, ...feed.entries.map((entry) => entry.updatedMs))
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `<id>${idOf(feed.key)}</id>`,
    `<title>${xml(feed.title)}</title>`,
    `<updated>${isoSeconds(updatedMs)}</updated>`,
    `<author><name>${xml(feed.author)}</name></author>`,
    `<link rel="self" type="application/atom+xml" href="${xml(feed.self)}"/>`,
    `<link rel="alternate" type="text/html" href="${xml(feed.page)}"/>`,
    '<generator>Commonwheel</generator>',
    ...feed.entries.map(entryXml),
    '</feed>',
    ''
  ].join('\n')
}

function entryXml({ key, title, author, page, updatedMs, summary }: AtomEntry): string {
  const updated = isoSeconds(updatedMs)
  return [
    '<entry>',
    `<id>${idOf(key)}</id>`,
    `<title>${xml(title)}</title>`,
    `<updated>${updated}</updated>`,
    `<published>${updated}</published>`,
    `<author><name>${xml(author)}</name></author>`,
    `<link rel="alternate" type="text/html" href="${xml(page)}"/>`,
    `<summary>${xml(summary)}</summary>`,
    '</entry>'
  ].join('\n')
}

/** A name-based UUID of our own making (RFC 9562, version 8): an id must be an IRI that nobody else gives. */
function idOf(key: string): string {
  const hex = createHash('sha256').update(`commonwheel feed ${key}`).digest('hex')
  const variant = ((parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16)
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** XML has no way to write most control characters, nor half of a surrogate pair. */
function xml(text: string): string {
  // eslint-disable-next-line no-control-regex
  return escapeHtml(text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, ''))
}
