import { feedKey, type FeedWant } from '../core/feed-heads.ts'
import type { FeedId } from '../core/record.ts'
import { SYNC_PAGES_AHEAD } from './gossip-limits.ts'
import { readPage, type SyncPage, type SyncPart } from './sync-messages.ts'
import type { RangeAdmission } from './sync-ports.ts'
import { broke } from './sync-rules.ts'
import type { SyncSession } from './sync-session.ts'

/** What a question for ranges brought. */
export interface RangesReport {
  readonly accepted: number
  /** Not one of the wanted entries came. */
  readonly isEmpty: boolean
  /** Feeds of which not everything was taken, and why. */
  readonly stopped: ReadonlyMap<string, StoppedFeed>
}

export interface StoppedFeed extends FeedId {
  readonly admission: RangeAdmission
}

/**
 * Asks for at most MAX_SYNC_WANTS ranges. Pages are on their way while one is decoded and another is written; a further one
 * is asked for when one has been written, so that a slow disk here slows the sender down.
 */
export async function pullRanges(session: SyncSession, wants: readonly FeedWant[]): Promise<RangesReport> {
  const admitting = new RangeAdmitter(session, wants)
  const order = new RangeOrder(wants)
  await session.ask({ ask: 'range', wants, pages: SYNC_PAGES_AHEAD })
  for (;;) {
    const page = readPage(await session.answer())
    order.check(page)
    const skip = await admitting.take(page)
    if (!page.more) break
    await session.ask({ ask: 'more', skip })
  }
  await admitting.finish()
  return { accepted: admitting.accepted, isEmpty: order.isEmpty, stopped: admitting.stopped }
}

/** Holds every page against the question: the wants in order, each from its first entry on, none beyond its last. */
class RangeOrder {
  readonly #wants: readonly FeedWant[]
  #at = 0
  #next: number | undefined
  isEmpty = true

  constructor(wants: readonly FeedWant[]) {
    this.#wants = wants
  }

  check({ parts, more }: SyncPage): void {
    for (const part of parts) this.#checkPart(part)
    if (more && parts.length === 0) throw broke('sent nothing, and says there is more')
  }

  #checkPart({ want: number, from, entries }: SyncPart): void {
    const want = this.#wants[number]
    if (want === undefined) throw broke('sent entries that nobody asked for')
    if (number < this.#at) throw broke('sent entries out of order')
    if (number > this.#at) this.#next = undefined
    if (from !== (this.#next ?? want.from)) throw broke('sent entries out of order')
    if (entries.length === 0) throw broke('sent an empty part')
    if (from + entries.length - 1 > want.to) throw broke('sent more entries than were asked for')
    this.#at = number
    this.#next = from + entries.length
    this.isEmpty = false
  }
}

/** Hands pages to the ledger: one is written while the next is decoded, never more. */
class RangeAdmitter {
  readonly #session: SyncSession
  readonly #wants: readonly FeedWant[]
  readonly stopped = new Map<string, StoppedFeed>()
  accepted = 0
  /** Wants that stopped since the peer was last told. */
  #news: number[] = []
  #writing: Promise<void> = Promise.resolve()

  constructor(session: SyncSession, wants: readonly FeedWant[]) {
    this.#session = session
    this.#wants = wants
  }

  /** Resolves when the page before this one is written, with wants that need not come any more. */
  async take(page: SyncPage): Promise<readonly number[]> {
    const before = this.#writing
    const mine = this.#admit(page)
    // its failure is met when the next page comes, or at the end
    mine.catch(() => undefined)
    this.#writing = mine
    await before
    const news = this.#news
    this.#news = []
    return news
  }

  async finish(): Promise<void> {
    await this.#writing
  }

  async #admit({ parts }: SyncPage): Promise<void> {
    for (const part of parts) {
      const want = this.#wants[part.want]
      if (want === undefined || this.stopped.has(feedKey(want))) continue
      const { source, peer } = this.#session
      const admission = await source.admitRange(
        part.entries.map((bytes) => ({ bytes })),
        peer
      )
      this.accepted += admission.accepted
      if (admission.accepted < part.entries.length) this.#stop(part.want, want, admission)
    }
  }

  #stop(number: number, { node, incarnation }: FeedWant, admission: RangeAdmission): void {
    const { log, peer } = this.#session
    this.stopped.set(feedKey({ node, incarnation }), { node, incarnation, admission })
    this.#news.push(number)
    log.debug('a feed that a peer serves was not taken', { peer, node, incarnation, ...admission })
  }
}
