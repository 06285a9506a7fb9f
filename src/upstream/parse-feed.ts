import { Parser } from 'htmlparser2'
import { parseProjectName } from '../core/distribution.ts'
import type { UpstreamUpdate } from '../core/ports.ts'

/** Of a feed that lists more, the rest is passed over; PyPI's has 100. */
const MAX_FEED_ITEMS = 1_000
const MAX_TEXT_CHARS = 2_000

/**
 * The releases of an RSS feed of updates, as PyPI has it: each item links to `…/project/<name>/<version>/` and has `<name> <version>`
 * as its title. Items that name no project are passed over.
 */
export function parseUpdateFeed(xml: string): readonly UpstreamUpdate[] {
  const updates: UpstreamUpdate[] = []
  let item: { title: string; link: string } | undefined
  let field: 'title' | 'link' | undefined
  const parser = new Parser(
    {
      onopentag(tag) {
        if (tag === 'item') item = { title: '', link: '' }
        else field = item !== undefined && (tag === 'title' || tag === 'link') ? tag : undefined
      },
      ontext(text) {
        if (item !== undefined && field !== undefined && item[field].length < MAX_TEXT_CHARS)
          item[field] += text
      },
      onclosetag(tag) {
        field = undefined
        if (tag !== 'item' || item === undefined) return
        if (updates.length < MAX_FEED_ITEMS) updates.push(...updateOf(item))
        item = undefined
      }
    },
    { xmlMode: true }
  )
  parser.end(xml)
  return updates
}

function updateOf({ title, link }: { readonly title: string; readonly link: string }): UpstreamUpdate[] {
  const named = /\/project\/([^/?#]+)\//.exec(link)?.[1] ?? title.trim().split(/\s/)[0]
  try {
    return [
      { project: parseProjectName(named), id: `${link.trim()} ${title.trim()}`.slice(0, MAX_TEXT_CHARS) }
    ]
  } catch {
    return []
  }
}
