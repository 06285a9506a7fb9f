import { feedKey, wantsOf, type FeedWant } from '../core/feed-heads.ts'
import type { NodeId } from '../core/ids.ts'
import type { AbortOptions, Clock, FeedHead, ForkPlace, Log } from '../core/ports.ts'
import type { MeshHost } from './create-libp2p.ts'
import { MAX_SYNC_FEEDS, MAX_SYNC_PASSES, MAX_SYNC_WANTS, SYNC_BUCKETS_FROM_FEEDS } from './gossip-limits.ts'
import { GossipError } from './gossip-error.ts'
import { openToMember } from './member-protocol.ts'
import { settleFork } from './sync-forks.ts'
import type { FeedPlaces, SyncHeads } from './sync-heads.ts'
import { readHeadsAnswer, readProofAnswer, type HeadsAnswer } from './sync-messages.ts'
import type { SyncSource } from './sync-ports.ts'
import { pullRanges } from './sync-ranges.ts'
import { broke, brokenRule } from './sync-rules.ts'
import { SYNC } from './sync-server.ts'
import { SyncSession } from './sync-session.ts'

export interface SyncClientParts {
  readonly host: MeshHost
  readonly source: SyncSource
  readonly index: SyncHeads
  readonly clock: Clock
  readonly log: Log
  /** This member sent what no honest node can send. */
  readonly blame: (node: NodeId, rule: string) => void
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
  /** Two histories of a feed met here: the peer, which may hold only one of them, should hear of it. */
  readonly foundFork: boolean
}

/** Fetches from one member whatever it holds and we lack. Throws when it cannot be reached or breaks the protocol. */
export async function pullFrom(
  parts: SyncClientParts,
  peer: NodeId,
  { prompted = false, ...options }: PullOptions = {}
): Promise<PullReport> {
  const { host, source, index, clock, log, blame } = parts
  const stream = await openToMember(host, peer, SYNC, options)
  try {
    const pull = new Pull(new SyncSession({ stream, source, index, peer, clock, log }))
    const report = await pull.run(prompted)
    await stream.write(null)
    await stream.close()
    if (report.accepted > 0) log.debug('entries pulled', { peer, accepted: report.accepted })
    if (pull.refusal !== undefined) blame(peer, `sync: ${pull.refusal}`)
    return report
  } catch (error) {
    stream.abort(error)
    const rule = brokenRule(error)
    if (rule !== undefined) blame(peer, `sync: ${rule}`)
    throw error
  }
}

/** One session: heads, then proofs of forks, then ranges in passes. */
class Pull {
  readonly #session: SyncSession
  /** Feeds that this peer serves wrongly, and forks that were looked at: not again in this session. */
  readonly #done = new Set<string>()
  #foundFork = false
  /** Entries or a proof that no honest node can hold, the first of this session: others may still serve us well. */
  refusal: string | undefined

  constructor(session: SyncSession) {
    this.#session = session
  }

  async run(prompted: boolean): Promise<PullReport> {
    const theirs = await this.#askHeads(prompted)
    if (theirs === undefined) return { accepted: 0, wasSame: true, foundFork: false }
    await this.#pullProofs(theirs.proofs)
    const accepted = await this.#pullMissing(theirs.heads)
    return { accepted, wasSame: false, foundFork: this.#foundFork }
  }

  /** What the peer holds otherwise than we. */
  async #askHeads(prompted: boolean): Promise<FeedPlaces | undefined> {
    const { index } = this.#session
    index.refresh()
    const hasMany = index.feedCount() >= SYNC_BUCKETS_FROM_FEEDS
    await this.#session.ask({
      ask: 'heads',
      digest: index.digest(),
      ...(hasMany && { buckets: index.bucketDigests() }),
      prompted
    })
    return this.#readHeads()
  }

  async #readHeads(): Promise<FeedPlaces | undefined> {
    const { index } = this.#session
    const heads = new Map<string, FeedHead>()
    const proofs = new Map<string, ForkPlace>()
    let told = 0
    for (;;) {
      const answer = readHeadsAnswer(await this.#session.answer())
      if (answer === undefined) return undefined
      told += Math.max(answer.heads.length, answer.proofs.length)
      checkHeads(answer, told)
      for (const head of answer.heads)
        if (index.head(head)?.hash !== head.hash) heads.set(feedKey(head), head)
      for (const proof of answer.proofs) if (this.#isNews(proof)) proofs.set(feedKey(proof), proof)
      if (!answer.more) return { heads: [...heads.values()], proofs: [...proofs.values()] }
    }
  }

  #isNews({ seq, ...feed }: ForkPlace): boolean {
    const known = this.#session.index.proof(feed)
    return known === undefined || seq < known.seq
  }

  async #pullProofs(proofs: readonly ForkPlace[]): Promise<void> {
    const { source, peer } = this.#session
    for (const { node, incarnation } of proofs) {
      await this.#session.ask({ ask: 'proof', feed: { node, incarnation } })
      const proof = readProofAnswer(await this.#session.answer())
      if (proof === undefined) continue
      if ((await source.admitProof(proof, peer)) === 'refused') this.refusal ??= 'a proof that proves nothing'
    }
  }

  /**
   * Pulls in passes: a feed whose author is admitted by a record of another feed is refused until that one has come, so
   * refused feeds are tried again as long as others advance.
   */
  async #pullMissing(theirs: readonly FeedHead[]): Promise<number> {
    let total = 0
    for (let pass = 0; pass < MAX_SYNC_PASSES; pass++) {
      const accepted = await this.#pullOnce(theirs)
      total += accepted
      if (accepted === 0) break
    }
    return total
  }

  async #pullOnce(theirs: readonly FeedHead[]): Promise<number> {
    const { source } = this.#session
    const due = theirs.filter((head) => !this.#done.has(feedKey(head)))
    const wants = wantsOf(source.heads(), due, source.proofs())
    let accepted = 0
    for (let start = 0; start < wants.length; start += MAX_SYNC_WANTS) {
      accepted += await this.#pullWants(wants.slice(start, start + MAX_SYNC_WANTS), theirs)
    }
    return accepted
  }

  async #pullWants(wants: readonly FeedWant[], theirs: readonly FeedHead[]): Promise<number> {
    const { accepted, isEmpty, stopped } = await pullRanges(this.#session, wants)
    if (isEmpty) throw notServed(wants.length)
    for (const [key, { admission }] of stopped) {
      if (admission.stopped === 'later') continue
      this.#done.add(key)
      if (admission.stopped === 'refused') this.refusal ??= admission.why ?? 'entries that no node can hold'
      const head = theirs.find((one) => feedKey(one) === key)
      if (admission.stopped === 'fork' && head !== undefined) await this.#settle(head)
    }
    return accepted
  }

  async #settle(head: FeedHead): Promise<void> {
    const { index, log, peer } = this.#session
    // Of a feed that is cut here, too: what is left of it may part from the peer's earlier.
    index.refresh()
    const { node, incarnation } = head
    const isProved = await settleFork(this.#session, head)
    this.#foundFork ||= isProved
    log.info('a peer holds another history of a feed', { peer, node, incarnation, isProved })
  }
}

/** A feed may be cut between two questions, a few at once; not many. */
const MAX_HONESTLY_UNSERVED = 16

function notServed(feeds: number): GossipError {
  if (feeds > MAX_HONESTLY_UNSERVED) return broke('told heads, and serves none of their entries')
  return new GossipError({ code: 'HEADS_NOT_SERVED', feeds })
}

/** `told`: feeds of this and all frames before. */
function checkHeads({ heads, proofs, more }: HeadsAnswer, told: number): void {
  if (told > MAX_SYNC_FEEDS) throw broke(`told more than ${MAX_SYNC_FEEDS} feeds`)
  if (more && heads.length + proofs.length === 0) throw broke('told no heads, and says there are more')
}
