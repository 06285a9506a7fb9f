import type { Clock, EntryStore, Log, Row, RowStore, RowChange } from '../core/ports.ts'
import type { EntryCodec } from './entry-codec.ts'
import { NewestResults } from './newest-results.ts'
import { KnownRows } from './known-rows.ts'
import type { Received } from './received.ts'
import { ROW, VERSION_KEY, VIEW_VERSION } from './row-keys.ts'
import { RowOverlay } from './row-overlay.ts'
import { placed, writeEntry, type Placed, type RecordBytes } from './view-rows.ts'

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
  /** They were. */
  stored(rows: readonly RowChange[]): void
  /** Restores what entries mean; rows that are not of this version and of these entries are made anew first. */
  load(store: EntrySource): Promise<void>
  /** Makes all rows anew, after entries were taken away. */
  rebuild(store: EntrySource): Promise<void>
}

type EntrySource = Pick<EntryStore, 'heads' | 'all'>

/** Rows made anew are written in such lots: large ones, as each row that several entries change is then written once. */
const REBUILD_ENTRIES = 500
const PROGRESS_MS = 5_000

/** The views in LevelDB: docs/adr/0010-views-stored-with-the-entries.md */
export class StoredViews implements LedgerViews {
  readonly #parts: ViewParts
  readonly #known: KnownRows

  constructor(parts: ViewParts) {
    this.#parts = parts
    this.#known = new KnownRows(parts.rows)
  }

  async rowsOf(received: readonly Received[]): Promise<readonly RowChange[]> {
    const entries = received.map(placed)
    return rowsOfEntries(entries, { ...this.#parts, rows: await this.#known.read(entries) })
  }

  stored(rows: readonly RowChange[]): void {
    this.#known.stored(rows)
  }

  async load(store: EntrySource): Promise<void> {
    const entries = await countOf(store)
    const found = new RowOverlay(this.#parts.rows).text(VERSION_KEY)
    this.#known.forget()
    // No entries: no rows, and nothing is lost by making sure.
    if (entries === 0 || found !== versionText(entries)) {
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
    this.#known.begin()
    const newest = new NewestResults()
    let lot: Placed[] = []
    let [done, toldMs] = [0, clock.monotonicMs()]
    const write = async (last?: (overlay: RowOverlay) => void): Promise<void> => {
      const overlay = new RowOverlay(await this.#known.read(lot))
      for (const entry of lot) for (const result of writeEntry(overlay, entry, codec)) newest.add(result)
      last?.(overlay)
      const changes = overlay.changes()
      await rows.write(changes)
      this.#known.stored(changes)
      lot = []
    }
    for await (const { bytes } of store.all()) {
      lot.push(placed({ entry: codec.open(bytes), bytes }))
      done++
      if (lot.length < REBUILD_ENTRIES) continue
      await write()
      if (clock.monotonicMs() - toldMs < PROGRESS_MS) continue
      toldMs = clock.monotonicMs()
      log.info('views are being made', { done, entries })
    }
    await write((overlay) => {
      new NewestResults().write(overlay, newest.all())
      // Last: rows without it are not finished.
      overlay.putText(VERSION_KEY, versionText(done))
    })
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
  entries: readonly Placed[],
  {
    rows,
    codec,
    newest
  }: { readonly rows: Pick<RowStore, 'get'>; readonly codec: RecordBytes; readonly newest: NewestResults }
): readonly RowChange[] {
  const overlay = new RowOverlay(rows)
  const results = entries.flatMap((one) => writeEntry(overlay, one, codec))
  newest.write(overlay, results)
  countEntries(overlay, entries.length)
  return overlay.changes()
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
