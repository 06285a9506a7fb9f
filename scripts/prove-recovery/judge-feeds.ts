import type { Feeds, Link } from './feeds-on-disk.ts'

/** The feeds of all nodes, by label, when the disaster came and in the end. */
export interface FeedStory {
  readonly before: ReadonlyMap<string, Feeds>
  readonly after: ReadonlyMap<string, Feeds>
}

export interface FeedVerdict {
  /** Entries that some node had before, and different ones in the end, all nodes together. */
  readonly entriesBefore: number
  readonly entriesAfter: number
  readonly feedsAfter: number
  readonly violations: readonly string[]
}

/** Whether all nodes have all entries, each feed is one unbroken signed chain, and nobody wrote two histories. Pure. */
export function judgeFeeds({ before, after }: FeedStory): FeedVerdict {
  const known = hashesByPlace(before.values())
  const final = hashesByPlace(after.values())
  const violations = [
    ...[...after].flatMap(([node, feeds]) => brokenChains(node, feeds)),
    ...forks(hashesByPlace([...before.values(), ...after.values()])),
    ...[...after].flatMap(([node, feeds]) => missing(node, feeds, { known, final }))
  ]
  const feedsAfter = new Set([...after.values()].flatMap((feeds) => [...feeds.keys()])).size
  return { entriesBefore: known.size, entriesAfter: final.size, feedsAfter, violations }
}

type Places = ReadonlyMap<string, ReadonlySet<string>>

/** Hashes of the entries that were seen at one place of a feed: two of them are a fork. */
function hashesByPlace(disks: Iterable<Feeds>): Places {
  const places = new Map<string, Set<string>>()
  for (const feeds of disks)
    for (const [feed, links] of feeds)
      for (const { seq, hash } of links) {
        const place = `${feed}#${seq}`
        places.set(place, (places.get(place) ?? new Set()).add(hash))
      }
  return places
}

function brokenChains(node: string, feeds: Feeds): readonly string[] {
  return [...feeds].flatMap(([feed, links]) => {
    const broken = links.findIndex((link, at) => !follows(link, links[at - 1], at))
    return broken === -1 ? [] : [`${node}: the chain of ${feed} breaks at entry ${links[broken]?.seq ?? 0}`]
  })
}

function follows({ seq, prev, isSigned }: Link, before: Link | undefined, at: number): boolean {
  return isSigned && seq === at + 1 && prev === (before?.hash ?? '')
}

function forks(places: Places): readonly string[] {
  return [...places].flatMap(([place, hashes]) =>
    hashes.size > 1 ? [`two histories: ${hashes.size} different entries were at ${place}`] : []
  )
}

/** What a node lacks of all that any node had, before or in the end; one line a feed. */
function missing(
  node: string,
  feeds: Feeds,
  { known, final }: { readonly known: Places; readonly final: Places }
): readonly string[] {
  const own = hashesByPlace([feeds])
  const lacking = new Map<string, { lost: number; late: number }>()
  for (const place of new Set([...known.keys(), ...final.keys()])) {
    if (own.has(place)) continue
    const feed = place.split('#')[0] ?? ''
    const count = lacking.get(feed) ?? { lost: 0, late: 0 }
    if (known.has(place)) count.lost += 1
    else count.late += 1
    lacking.set(feed, count)
  }
  return [...lacking].map(
    ([feed, { lost, late }]) =>
      `${node}: lacks ${lost} entries of ${feed} that were known before, and ${late} newer ones`
  )
}
