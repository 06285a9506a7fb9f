import type { Feeds } from './feeds-on-disk.ts'

/** What became of one feed of a node that lost something: numbers of its last entry. */
export interface OwnFeed {
  readonly node: string
  readonly incarnation: string
  /** In the old copy of its data folder. */
  readonly inCopy: number
  /** On any disk when the disaster came. */
  readonly before: number
  readonly after: number
}

interface Disks {
  /** Of the restored node alone. */
  readonly copy: Feeds
  readonly before: ReadonlyMap<string, Feeds>
  readonly after: ReadonlyMap<string, Feeds>
}

/** All feeds of the given authors: `ids` by label. */
export function ownFeeds(ids: Readonly<Record<string, string>>, disks: Disks): readonly OwnFeed[] {
  const all = new Set(
    [...disks.before.values(), ...disks.after.values()].flatMap((feeds) => [...feeds.keys()])
  )
  return Object.entries(ids).flatMap(([node, id]) =>
    [...all]
      .filter((feed) => feed.startsWith(`${id}/`))
      .map((feed) => ({
        node,
        incarnation: feed.slice(id.length + 1),
        inCopy: endOf([disks.copy], feed),
        before: endOf(disks.before.values(), feed),
        after: endOf(disks.after.values(), feed)
      }))
  )
}

function endOf(disks: Iterable<Feeds>, feed: string): number {
  return Math.max(0, ...[...disks].map((feeds) => feeds.get(feed)?.at(-1)?.seq ?? 0))
}
