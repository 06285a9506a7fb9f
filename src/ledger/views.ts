import type { Clock, EntryStore, Log, Row, RowStore, RowChange } from '../core/ports.ts'
import type { EntryCodec } from './entry-codec.ts'
import { NewestResults } from './newest-results.ts'
import type { Received } from './received.ts'
import { ROW, VERSION_KEY, VIEW_VERSION } from './row-keys.ts'
import { RowOverlay } from './row-overlay.ts'
import { keysRead, writeEntry, type RecordBytes } from './view-rows.ts'

export interface ViewParts {
  readonly rows: RowStore
  readonly codec: Pick<EntryCodec, 'open' | 'slices' | 'record'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Log
  /** The newest results as the state knows them: it has been told of every entry whose rows are stored. */
  readonly newest: NewestResults
  /** Takes over what the rows say, at once, in the place of all that was known. */
  restore(rows: SmallRows): void
}

/** All that a node holds in memory of the views; results are read when they are asked for. */
export interface SmallRows {
  readonly facts: readonly Row[]
  readonly nodes: readonly Row[]
  readonly observed: readonly Row[]
  readonly newest: readonly Row[]
  readonly authors: readonly Row[]
}

/** What the ledger needs of the stored views. */
export interface LedgerViews {
  /** The rows that entries change. They must be stored together, and before this is asked again: it looks at what is stored. */
  rowsOf(received: readonly Received[]): Promise<readonly RowChange[]>
  /** Restores what entries mean; rows that are not of this version and of these entries are made anew first. */
  load(store: EntrySource): Promise<void>
  /** Makes all rows anew, after entries were taken away. */
  rebuild(store: EntrySource): Promise<void>
}

type EntrySource = Pick<EntryStore, 'heads' | 'all'>

/** Rows made anew are written in such lots: large ones, as each row that several entries change is then written once. */
const REBUILD_ENTRIES = 500
const PROGRESS_MS = 5_000
/** From so many rows on they are read together, off this thread: a range of a sync looks at a thousand. */
const READ_AHEAD_ROWS = 50

/** The views in LevelDB: docs/adr/0010-views-stored-with-the-entries.md */
export class StoredViews implements LedgerViews {
  readonly #parts: ViewParts

  constructor(parts: ViewParts) {
    this.#parts = parts
  }

  async rowsOf(received: readonly Received[]): Promise<readonly RowChange[]> {
    const { rows } = this.#parts
    const keys = keysRead(received)
    const known = keys.length < READ_AHEAD_ROWS ? rows : await readAhead(rows, keys)
    return rowsOfEntries(received, { ...this.#parts, rows: known })
  }

  async load(store: EntrySource): Promise<void> {
    const entries = await countOf(store)
    const found = new RowOverlay(this.#parts.rows).text(VERSION_KEY)
    if (found !== versionText(entries)) {
      if (entries > 0)
        this.#parts.log.info('the views of the ledger are made anew', { entries, found: found ?? 'none' })
      await this.#remake(store, entries)
    }
    await this.#restore()
  }

  async rebuild(store: EntrySource): Promise<void> {
    await this.#remake(store, await countOf(store))
    await this.#restore()
  }

  async #remake(store: EntrySource, entries: number): Promise<void> {
    const { rows, codec, log, clock } = this.#parts
    await rows.clear()
    const newest = new NewestResults()
    let overlay = new RowOverlay(rows)
    let [done, toldMs] = [0, clock.monotonicMs()]
    for await (const { bytes } of store.all()) {
      const results = writeEntry(overlay, { entry: codec.open(bytes), bytes }, codec)
      for (const result of results) newest.add(result)
      done++
      if (done % REBUILD_ENTRIES > 0) continue
      await rows.write(overlay.changes())
      overlay = new RowOverlay(rows)
      if (clock.monotonicMs() - toldMs < PROGRESS_MS) continue
      toldMs = clock.monotonicMs()
      log.info('views are being made', { done, entries })
    }
    new NewestResults().write(overlay, newest.all())
    // Last: rows without it are not finished.
    overlay.putText(VERSION_KEY, versionText(done))
    await rows.write(overlay.changes())
  }

  async #restore(): Promise<void> {
    const read = async (prefix: string): Promise<readonly Row[]> => {
      const found: Row[] = []
      for await (const row of this.#parts.rows.scan(prefix)) found.push(row)
      return found
    }
    this.#parts.restore({
      facts: await read(ROW.fact),
      nodes: await read(ROW.node),
      observed: await read(ROW.observed),
      newest: await read(ROW.newest),
      authors: await read(ROW.author)
    })
  }
}

/** The rows that entries change, given those that are stored. */
export function rowsOfEntries(
  received: readonly Received[],
  {
    rows,
    codec,
    newest
  }: { readonly rows: Pick<RowStore, 'get'>; readonly codec: RecordBytes; readonly newest: NewestResults }
): readonly RowChange[] {
  const overlay = new RowOverlay(rows)
  const results = received.flatMap((one) => writeEntry(overlay, one, codec))
  newest.write(overlay, results)
  countEntries(overlay, received.length)
  return overlay.changes()
}

/** Rows as they are now; those of `keys` are read already. */
async function readAhead(rows: RowStore, keys: readonly string[]): Promise<Pick<RowStore, 'get'>> {
  const values = await rows.getMany(keys)
  const known = new Map(keys.map((key, at) => [key, values[at]]))
  return { get: (key) => (known.has(key) ? known.get(key) : rows.get(key)) }
}

async function countOf(store: EntrySource): Promise<number> {
  return (await store.heads()).reduce((sum, { seq }) => sum + seq, 0)
}

function countEntries(overlay: RowOverlay, added: number): void {
  const [, before] = (overlay.text(VERSION_KEY) ?? versionText(0)).split(' ')
  overlay.putText(VERSION_KEY, versionText(Number(before) + added))
}

/** An older program that appends entries without rows, or entries that LevelDB lost: the number tells. */
function versionText(entries: number): string {
  return `${VIEW_VERSION} ${entries}`
}
