import { messageOf } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import type { BlobSource, Clock, Log } from '../core/ports.ts'
import type { BadBlobView, VerifyEvent, VerifyReportView } from '../http/verify-types.ts'
import { BadBlobs } from '../storage/bad-blobs.ts'
import { tableBytes } from '../storage/check-database-files.ts'
import { blobFolder } from '../storage/keys.ts'
import type { SmallState } from '../storage/small-state.ts'
import { StorageError, START_OVER } from '../storage/storage-error.ts'
import { createPace } from './pace.ts'
import { verifyBlobs, verifyData, verifyFeeds, verifyTables, type VerifyParts } from './verify-data.ts'

/** Everything is read once in this time, by whatever the node is up. */
const ROUND_MS = 7 * 24 * 3600 * 1000
/** After a start the node has other things to do. */
const FIRST_AFTER_MS = 10 * 60_000
/** Others must be connected by then: they have the sound copies. */
const SUSPECT_AFTER_MS = 10_000
/** A small store must not be read byte by byte, nor a large one so fast that the card is busy with it. */
const MIN_BYTES_PER_SECOND = 64 * 1024
const MAX_BYTES_PER_SECOND = 8 * 1024 * 1024
/** An owner waits for it, and the node goes on serving: about a third of what an SD card of a Pi reads. */
const ASKED_BYTES_PER_SECOND = 32 * 1024 * 1024
/** How long a lost blob is looked for before the next one has its turn. */
const FETCH_MS = 60_000
/** The place reached in the blobs is noted this often. */
const NOTE_EVERY_MS = 60_000
const PLACE_KEY = 'scrub-place'

export interface ScrubParts extends Pick<VerifyParts, 'dataDir' | 'store' | 'heads' | 'range' | 'codec'> {
  readonly clock: Clock
  readonly log: Log
  readonly state: SmallState
  readonly blobs: BlobSource
  /** The card has just shown that it forgets: everything is read at once, and as fast as for an owner who waits. */
  readonly isSuspect: boolean
  /** The ledger is broken: a node that runs has it repaired. */
  onDamage(error: StorageError): void
}

/** Reads the whole store again and again, slowly, and on demand faster; gets again what has rotted. */
export class Scrub {
  readonly #parts: ScrubParts
  readonly #bad: BadBlobs
  readonly #ending = new AbortController()
  /** Blobs that are being replaced: clients and rounds may come upon the same one. */
  readonly #mending = new Map<Sha256, Promise<BadBlobView['done']>>()
  #running: Promise<void> = Promise.resolve()

  constructor(parts: ScrubParts) {
    this.#parts = parts
    this.#bad = new BadBlobs(blobFolder(parts.dataDir))
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await this.#running
  }

  /** One whole round for an owner who waits for it. */
  async *verify(repair: boolean, asked?: AbortSignal): AsyncGenerator<VerifyEvent> {
    const signals = [this.#ending.signal, ...(asked === undefined ? [] : [asked])]
    const events: VerifyEvent[] = []
    let wake: () => void = () => undefined
    const push = (event: VerifyEvent): void => {
      events.push(event)
      wake()
    }
    const work = this.#verifyOnce({ repair, signal: AbortSignal.any(signals), push })
    for (;;) {
      const event = events.shift()
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (events.length > 0) resolve()
        })
        continue
      }
      yield event
      if (event.kind !== 'progress') break
    }
    await work
  }

  async #verifyOnce({ repair, signal, push }: AskedRound): Promise<void> {
    try {
      const parts = this.#verifyParts(ASKED_BYTES_PER_SECOND, signal)
      const report = await verifyData({
        ...parts,
        onProgress: (progress) => {
          push({ kind: 'progress', progress })
        },
        onBadBlob: repair ? parts.onBadBlob : async () => 'kept'
      })
      const isBroken = report.tables.bad.length + report.feeds.bad.length > 0
      push({
        kind: 'report',
        report: isBroken && repair ? { ...report, ledger: 'repairing' } : report
      })
      if (repair) this.#tellDamage(report)
    } catch (error) {
      push({ kind: 'failed', reason: messageOf(error) })
    }
  }

  /** One file that turned out to have other bytes than its name promises: a sound copy is fetched in its place. */
  async rotted(digest: Sha256): Promise<void> {
    await this.#getAgain(digest, this.#ending.signal)
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts
    const { signal } = this.#ending
    let { isSuspect } = this.#parts
    if (!isSuspect) await this.#lookAtTables(signal)
    let pauseMs = isSuspect ? SUSPECT_AFTER_MS : FIRST_AFTER_MS
    for (;;) {
      await clock.sleep(pauseMs, { signal }).catch(() => undefined)
      if (this.#isEnding()) return
      const startMs = clock.monotonicMs()
      try {
        await this.#round(signal, isSuspect)
        isSuspect = false
      } catch (error) {
        if (this.#isEnding()) return
        log.warn('looking through the store failed', { error: messageOf(error) })
      }
      // What is small is through in less than a week.
      pauseMs = Math.max(FIRST_AFTER_MS, ROUND_MS - (clock.monotonicMs() - startMs))
    }
  }

  /** A start reads only the ends of a large database's tables: the rest has its turn now, not in a week. */
  async #lookAtTables(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    try {
      await clock.sleep(SUSPECT_AFTER_MS, { signal })
      const tables = await verifyTables(this.#verifyParts(MAX_BYTES_PER_SECOND, signal))
      this.#tellDamage({ tables, feeds: { checked: 0, entries: 0, bad: [] } })
    } catch (error) {
      if (!this.#isEnding()) log.warn('looking through the tables failed', { error: messageOf(error) })
    }
  }

  #isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  async #round(signal: AbortSignal, isSuspect: boolean): Promise<void> {
    const { dataDir, store, log, state, clock } = this.#parts
    let total = await tableBytes(dataDir)
    for await (const { size } of store.list()) total += size
    // Feeds are read once more than their tables.
    const rate = Math.min(
      MAX_BYTES_PER_SECOND,
      Math.max(MIN_BYTES_PER_SECOND, (2 * total * 1_000) / ROUND_MS)
    )
    const parts = this.#verifyParts(isSuspect ? ASKED_BYTES_PER_SECOND : rate, signal)
    const place = isSuspect ? undefined : await state.get(PLACE_KEY)
    let notedMs = clock.monotonicMs()
    const blobs = await verifyBlobs(parts, {
      fromPrefix: place === undefined ? '' : new TextDecoder().decode(place),
      onBlob: async (digest) => {
        if (clock.monotonicMs() - notedMs < NOTE_EVERY_MS) return
        notedMs = clock.monotonicMs()
        await state.put(PLACE_KEY, new TextEncoder().encode(digest), { sync: false })
      }
    })
    await state.put(PLACE_KEY, new Uint8Array(), { sync: false })
    const tables = await verifyTables(parts)
    const feeds = await verifyFeeds(parts)
    const facts = { blobs: blobs.checked, feeds: feeds.checked, tables: tables.checked }
    log.info('the whole store was looked through', { ...facts, badBlobs: blobs.bad.length })
    this.#tellDamage({ tables, feeds })
  }

  #verifyParts(bytesPerSecond: number, signal: AbortSignal): VerifyParts {
    const { clock } = this.#parts
    return {
      ...this.#parts,
      pace: createPace(clock, bytesPerSecond, signal),
      onProgress: () => undefined,
      onBadBlob: (digest) => this.#getAgain(digest, signal)
    }
  }

  #getAgain(digest: Sha256, signal: AbortSignal): Promise<BadBlobView['done']> {
    const known = this.#mending.get(digest)
    if (known !== undefined) return known
    const mending = this.#mend(digest, signal).finally(() => {
      this.#mending.delete(digest)
    })
    this.#mending.set(digest, mending)
    return mending
  }

  async #mend(digest: Sha256, signal: AbortSignal): Promise<BadBlobView['done']> {
    const { log, blobs } = this.#parts
    await this.#bad.setAside(digest)
    log.warn('a file on the disk had rotted; it was moved away', { digest })
    try {
      await blobs.ensure(digest, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]) })
    } catch (error) {
      log.warn('no sound copy could be had yet', { digest, error: messageOf(error) })
      return 'moved-away'
    }
    await this.#bad.forget(digest)
    log.info('a sound copy was fetched from another node', { digest })
    return 'fetched-again'
  }

  #tellDamage({ tables, feeds }: Pick<VerifyReportView, 'tables' | 'feeds'>): void {
    const problems = [
      ...tables.bad.map(({ file, problem }) => `${file}: ${problem}`),
      ...feeds.bad.map(({ feed, seq, problem }) => `${feed} at ${seq}: ${problem}`)
    ]
    if (problems.length === 0) return
    this.#parts.log.error('the ledger on the disk is broken', { problems: problems.slice(0, 20) })
    const folder = this.#parts.dataDir
    this.#parts.onDamage(new StorageError({ code: 'STORAGE_CORRUPT', folder, cure: START_OVER }))
  }
}

interface AskedRound {
  readonly repair: boolean
  readonly signal: AbortSignal
  readonly push: (event: VerifyEvent) => void
}
