import { ENTRY_FLUSH_BYTES, ENTRY_FLUSH_MS, MAX_ENTRY_RECORDS } from '../core/limits.ts'
import type { Sha256 } from '../core/ids.ts'
import type { Clock } from '../core/ports.ts'
import { recordId, type MeshRecord } from '../core/record.ts'

export interface BatcherParts {
  readonly clock: Clock
  sizeOf(record: MeshRecord): number
  /** Makes one entry of these records and gives its hash once it is on disk. */
  write(records: readonly MeshRecord[]): Promise<Sha256>
}

/** Gathers records into entries, so that a burst shares one signature and one synced write. */
export interface RecordBatcher {
  /** Resolves with their record ids when all of `records` are on disk; rejects with what the write threw. */
  append(records: readonly MeshRecord[]): Promise<readonly string[]>
  /** Writes what waits. */
  flush(): Promise<void>
}

interface Batch {
  readonly records: MeshRecord[]
  bytes: number
  readonly written: Promise<Sha256>
  settle(work: Promise<Sha256>): void
}

export function createRecordBatcher(parts: BatcherParts): RecordBatcher {
  let open: Batch | undefined

  function close(batch: Batch): void {
    if (open === batch) open = undefined
    batch.settle(parts.write(batch.records))
  }

  function openBatch(): Batch {
    const batch = newBatch()
    open = batch
    void parts.clock.sleep(ENTRY_FLUSH_MS).then(() => {
      if (open === batch) close(batch)
    })
    return batch
  }

  async function place(record: MeshRecord): Promise<string> {
    const bytes = parts.sizeOf(record)
    if (open !== undefined && open.bytes + bytes > ENTRY_FLUSH_BYTES) close(open)
    const batch = open ?? openBatch()
    const index = batch.records.push(record) - 1
    batch.bytes += bytes
    if (batch.records.length >= MAX_ENTRY_RECORDS || batch.bytes >= ENTRY_FLUSH_BYTES) close(batch)
    return recordId(await batch.written, index)
  }

  return {
    async append(records) {
      return Promise.all(records.map(place))
    },
    async flush() {
      const batch = open
      if (batch === undefined) return
      close(batch)
      await batch.written
    }
  }
}

function newBatch(): Batch {
  let settle!: (work: Promise<Sha256>) => void
  const written = new Promise<Sha256>((resolve) => {
    settle = resolve
  })
  return { records: [], bytes: 0, written, settle }
}
