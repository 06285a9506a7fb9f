import { messageOf } from '../core/errors.ts'
import type { Clock, FeedHead, Log } from '../core/ports.ts'
import type { Entry, FeedId, MeshRecord } from '../core/record.ts'
import { feedKey, parseEntryKey } from '../storage/keys.ts'
import type { Database } from '../storage/open-database.ts'

/** How long others may take to give back the feed as it was, which is better: then nothing is written twice. */
const OTHERS_HAVE_MS = 60_000
/** Orphans written at a time. */
const ORPHANS_AT_ONCE = 32

export interface OwnOrphansParts {
  readonly database: Pick<Database, 'orphans'>
  readonly codec: { open(bytes: Uint8Array): Entry }
  readonly clock: Clock
  readonly log: Log
  readonly ledger: {
    append(...records: readonly MeshRecord[]): Promise<unknown>
    heads(): readonly FeedHead[]
  }
  /** Whether anybody else belongs to the mesh, as far as the ledger knows. */
  hasOthers(): boolean
}

/**
 * Own entries that a repair found behind a hole of their feed. No chain leads to them any more, but what they say is this node's own
 * word, and of a node that is alone nobody else has it: so their records are written again, at the end of its feed. Those whose places
 * came back from others are let go.
 */
export class OwnOrphans {
  readonly #parts: OwnOrphansParts
  readonly #ending = new AbortController()
  /** Whoever waits for the ledger does so no longer: it may wait for answers, or for room on the disk. */
  readonly #ended: Promise<never>
  #running: Promise<void> = Promise.resolve()

  constructor(parts: OwnOrphansParts) {
    this.#parts = parts
    this.#ended = new Promise((_, reject) => {
      this.#ending.signal.addEventListener('abort', () => {
        reject(this.#ending.signal.reason as Error)
      })
    })
    this.#ended.catch(() => undefined)
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      if (this.#ending.signal.aborted) return
      this.#parts.log.warn(
        'own records that a repair kept could not be written again; the next start tries',
        {
          error: messageOf(error)
        }
      )
    })
  }

  /** Call it while the ledger still takes records. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { database, clock } = this.#parts
    const [first] = await database.orphans.keys({ limit: 1 }).all()
    if (first === undefined) return
    if (this.#parts.hasOthers()) await clock.sleep(OTHERS_HAVE_MS, { signal: this.#ending.signal })
    let written = 0
    for (;;) {
      this.#ending.signal.throwIfAborted()
      const rows = await database.orphans.iterator({ limit: ORPHANS_AT_ONCE }).all()
      if (rows.length === 0) break
      written += await this.#adopt(rows)
    }
    this.#parts.log.info('own records that a repair had kept are in the ledger again', { records: written })
  }

  /** Written first, let go after: what happens in between is that a record is there twice. */
  async #adopt(rows: readonly (readonly [string, Uint8Array])[]): Promise<number> {
    const { database, codec, ledger } = this.#parts
    const heads = new Map(ledger.heads().map((head) => [feedKey(head), head.seq]))
    const isBack = (place: FeedId & { seq: number }): boolean => (heads.get(feedKey(place)) ?? 0) >= place.seq
    const lost = rows.filter(([key]) => !isBack(parseEntryKey(key)))
    const records = lost.flatMap(([, bytes]) => codec.open(bytes).records)
    const written = Promise.all(records.map((record) => ledger.append(record)))
    await Promise.race([written, this.#ended])
    await database.orphans.batch(rows.map(([key]) => ({ type: 'del', key })))
    return records.length
  }
}
