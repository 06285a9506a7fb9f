import { feedKey, wantsOf, type FeedWant } from '../core/feed-heads.ts'
import type { NodeId } from '../core/ids.ts'
import type { AbortOptions, FeedHead, Log } from '../core/ports.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'
import { MAX_SYNC_FEEDS, MAX_SYNC_PASSES, MAX_SYNC_WANTS } from './gossip-limits.ts'
import { openToMember } from './member-protocol.ts'
import { digestOfHeads, readSyncHeads, readSyncRange, type SyncRange } from './sync-messages.ts'
import type { SyncSource } from './sync-ports.ts'
import { SYNC } from './sync-server.ts'

export interface SyncClientParts {
  readonly host: MeshHost
  readonly source: SyncSource
  readonly log: Log
}

export interface PullOptions extends AbortOptions {
  /** This pull was caused by the peer's own pull from us. */
  readonly prompted?: boolean
}

/** What one session brought. */
export interface PullReport {
  readonly accepted: number
  /** Whether both sides held the same when it began. */
  readonly wasSame: boolean
}

/** Fetches from one member whatever it holds and we lack. Throws when it cannot be reached or breaks the protocol. */
export async function pullFrom(
  { host, source, log }: SyncClientParts,
  peer: NodeId,
  { prompted = false, ...options }: PullOptions = {}
): Promise<PullReport> {
  const stream = await openToMember(host, peer, SYNC, options)
  try {
    const theirs = await askHeads(stream, source, prompted)
    const accepted = theirs === undefined ? 0 : await pullMissing({ stream, source, peer }, theirs)
    await stream.write(null)
    await stream.close()
    if (accepted > 0) log.debug('entries pulled', { peer, accepted })
    return { accepted, wasSame: theirs === undefined }
  } catch (error) {
    stream.abort(error)
    throw error
  }
}

interface Session {
  readonly stream: FrameStream
  readonly source: SyncSource
  readonly peer: NodeId
}

async function askHeads(
  stream: FrameStream,
  source: SyncSource,
  prompted: boolean
): Promise<readonly FeedHead[] | undefined> {
  await stream.write({ ask: 'heads', digest: digestOfHeads(source.heads()), prompted })
  const heads: FeedHead[] = []
  for (;;) {
    const answer = readSyncHeads(await stream.read())
    if (answer === undefined) return undefined
    heads.push(...answer.heads)
    if (heads.length > MAX_SYNC_FEEDS) throw broke(`told more than ${MAX_SYNC_FEEDS} feeds`)
    if (!answer.more) return heads
  }
}

/**
 * Pulls in passes: a feed whose author is admitted by a record of another feed is refused until that one has come, so
 * refused feeds are tried again as long as others advance.
 */
async function pullMissing(session: Session, theirs: readonly FeedHead[]): Promise<number> {
  let total = 0
  for (let pass = 0; pass < MAX_SYNC_PASSES; pass++) {
    const wants = wantsOf(session.source.heads(), theirs)
    let accepted = 0
    for (let start = 0; start < wants.length; start += MAX_SYNC_WANTS) {
      accepted += await pullWants(session, wants.slice(start, start + MAX_SYNC_WANTS))
    }
    if (accepted === 0) break
    total += accepted
  }
  return total
}

/** One page is admitted while the next is on its way. */
async function pullWants(session: Session, wants: readonly FeedWant[]): Promise<number> {
  const refused = new Set<string>()
  let accepted = 0
  let asked = wants
  let next: Promise<SyncRange> | undefined = askRange(session.stream, asked)
  while (next !== undefined) {
    const range: SyncRange = await next
    asked = remaining(asked, range).filter((want) => !refused.has(feedKey(want)))
    next = asked.length > 0 ? askRange(session.stream, asked) : undefined
    // its failure is met at the next await; until then nobody must take it for unhandled
    next?.catch(() => undefined)
    accepted += await admit(session, range, refused)
  }
  return accepted
}

async function askRange(stream: FrameStream, wants: readonly FeedWant[]): Promise<SyncRange> {
  await stream.write({ ask: 'range', wants })
  return readSyncRange(await stream.read())
}

async function admit({ source, peer }: Session, { parts }: SyncRange, refused: Set<string>): Promise<number> {
  let total = 0
  for (const part of parts) {
    if (refused.has(feedKey(part))) continue
    const { accepted } = await source.admitRange(
      part.entries.map((bytes) => ({ bytes })),
      peer
    )
    total += accepted
    if (accepted < part.entries.length) refused.add(feedKey(part))
  }
  return total
}

/** What is still to be asked for after a page. Throws when the page is not an answer to the question. */
function remaining(wants: readonly FeedWant[], { parts, more }: SyncRange): readonly FeedWant[] {
  const got = new Map(parts.map((part) => [feedKey(part), part]))
  for (const part of parts) {
    const isWanted = wants.some((want) => feedKey(want) === feedKey(part) && want.from === part.from)
    if (!isWanted) throw broke('sent entries that nobody asked for')
  }
  if (!more) return []
  if (parts.length === 0) throw broke('sent nothing, and says there is more')
  const last = feedKey(parts[parts.length - 1] ?? wants[0] ?? { node: '' as NodeId, incarnation: '' })
  const at = wants.findIndex((want) => feedKey(want) === last)
  return wants.slice(at).map((want) => {
    const part = got.get(feedKey(want))
    return part === undefined ? want : { ...want, from: want.from + part.entries.length }
  })
}

function broke(why: string): GossipError {
  return new GossipError({ code: 'PEER_BROKE_PROTOCOL', why })
}
