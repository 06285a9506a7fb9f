import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { Clock, FeedHead, Log } from '../core/ports.ts'
import type { StorageView } from '../http/api-types.ts'
import { markDamaged } from '../storage/damage-mark.ts'
import type { Database } from '../storage/open-database.ts'
import { StorageError } from '../storage/storage-error.ts'
import { tideOf, writeTideMark } from '../storage/tide-mark.ts'
import type { StorageRepair } from './open-storage.ts'

/** A full disk is looked at this often; somebody waits for it, and it costs one small write. */
const DISK_LOOK_MS = 5_000
/** What may be lost without being noticed, at the most. */
const TIDE_EVERY_MS = 60_000
/** LevelDB writes its log anew when it is opened, and a table of what was in the old one: less would fail again at once. */
const REOPEN_FREE_BYTES = 16 * 1024 * 1024
const PROBE_BYTES = 64 * 1024
const PROBE_KEY = 'probe'

export interface StorageWatchParts {
  readonly dataDir: string
  readonly self: NodeId
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly repair: StorageRepair | undefined
  heads(): readonly FeedHead[]
}

/**
 * Looks after the database while the node runs: opens it anew when the disk takes writes again, keeps the mark of how much
 * it holds, and tells what was repaired and what is still missing.
 */
export class StorageWatch {
  readonly #parts: StorageWatchParts
  readonly #ending = new AbortController()
  readonly #repairedMs: number
  /** Entries that the ledger should come to again; 0: nothing is missing. */
  #expected: number
  #marked: number
  #running: Promise<void> = Promise.resolve()

  constructor(parts: StorageWatchParts) {
    this.#parts = parts
    this.#repairedMs = parts.clock.wallMs()
    this.#marked = this.#entries()
    const missing = parts.repair?.missing ?? 0
    this.#expected = missing === 0 ? 0 : this.#marked + missing
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Runs once, when the database turns out to be broken; the next one who opens it repairs it. */
  onDamage(listener: (error: Error) => void): void {
    const { database, dataDir, log } = this.#parts
    database.health.onDamage((error) => {
      markDamaged(dataDir, messageOf(error))
        .catch((failure: unknown) => {
          log.warn('that the database is broken could not be noted', { error: messageOf(failure) })
        })
        .finally(() => {
          listener(error)
        })
        .catch(() => undefined)
    })
  }

  /** Call it when nothing is appended any more and the database is still open. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await this.#running
    await this.#mark(true)
  }

  view(): StorageView {
    const { database, repair } = this.#parts
    const trouble = database.health.writeTrouble
    return {
      writable: trouble === undefined,
      ...(trouble === undefined ? {} : { trouble: sentenceOf(trouble) }),
      ...(database.health.damage === undefined ? {} : { damage: messageOf(database.health.damage) }),
      missing: Math.max(0, this.#expected - this.#entries()),
      ...(repair === undefined
        ? {}
        : {
            repair: {
              atMs: this.#repairedMs,
              found: repair.found,
              done: repair.done,
              feedsShortened: repair.feedsShortened,
              missing: repair.missing,
              newIncarnation: repair.ownLost
            }
          })
    }
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts
    let nextMarkMs = clock.monotonicMs() + TIDE_EVERY_MS
    for (;;) {
      await clock.sleep(DISK_LOOK_MS, { signal: this.#ending.signal }).catch(() => undefined)
      if (this.#ending.signal.aborted) return
      try {
        await this.#tryToWrite()
        this.#lookForMissing()
        if (clock.monotonicMs() < nextMarkMs) continue
        nextMarkMs = clock.monotonicMs() + TIDE_EVERY_MS
        await this.#mark(false)
      } catch (error) {
        log.warn('the storage could not be looked after', { error: messageOf(error) })
      }
    }
  }

  async #tryToWrite(): Promise<void> {
    const { database, dataDir, log } = this.#parts
    const trouble = database.health.writeTrouble
    if (trouble === undefined) return
    const isBack = await database.health.tryAgain({
      probe: () => probeDisk(dataDir),
      write: () => database.meta.put(PROBE_KEY, new Uint8Array(1), SYNC)
    })
    if (isBack) log.info('the disk takes writes again: the database was opened anew', { was: trouble.code })
    else log.warn('nothing can be written', { error: sentenceOf(database.health.writeTrouble ?? trouble) })
  }

  #lookForMissing(): void {
    if (this.#expected === 0 || this.#entries() < this.#expected) return
    this.#parts.log.info('what the database had lost is back', { entries: this.#entries() })
    this.#expected = 0
  }

  async #mark(final: boolean): Promise<void> {
    const { dataDir, self, database, log } = this.#parts
    const entries = this.#entries()
    if ((!final && entries === this.#marked) || database.health.writeTrouble !== undefined) return
    this.#marked = entries
    try {
      await writeTideMark(dataDir, self, tideOf(this.#parts.heads(), self, final))
    } catch (error) {
      // It only helps to notice damage; a disk that does not take it shows in what matters.
      log.warn('how much the ledger holds could not be noted', { error: messageOf(error) })
    }
  }

  #entries(): number {
    return this.#parts.heads().reduce((sum, { seq }) => sum + seq, 0)
  }
}

/** LevelDB's own option, which the common interface of all levels does not name. */
const SYNC: object = { sync: true }

/** Rejects with what the system says while nothing can be written, or too little. */
async function probeDisk(dataDir: string): Promise<void> {
  const file = join(dataDir, 'ledger.probe')
  try {
    await writeFile(file, new Uint8Array(PROBE_BYTES), { flush: true })
  } finally {
    await rm(file, { force: true }).catch(() => undefined)
  }
  const { bavail, bsize } = await statfs(dataDir)
  if (bavail * bsize >= REOPEN_FREE_BYTES) return
  const cure = `${REOPEN_FREE_BYTES / 1024 ** 2} MiB must be free; the node goes on by itself`
  throw new StorageError({ code: 'STORAGE_FULL', folder: dataDir, cure })
}

/** `STORAGE_FULL` and its cure as one sentence. */
function sentenceOf({ detail }: StorageError): string {
  const words = detail.code.replace('STORAGE_', '').toLowerCase().replaceAll('_', ' ')
  const facts = 'cure' in detail ? detail.cure : 'reason' in detail ? detail.reason : ''
  return `the storage is ${words}: ${facts}`
}
