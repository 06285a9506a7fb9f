import { ENTRY_FLUSH_BYTES, ENTRY_FLUSH_MS, MAX_ENTRY_RECORDS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'
import type { MeshRecord } from '../core/record.ts'

export interface BatcherParts {
  readonly clock: Clock
  sizeOf(record: MeshRecord): number
  /** Makes one entry of these records and resolves when it is on disk. */
  write(records: readonly MeshRecord[]): Promise<void>
}

/** Gathers records into entries, so that a burst shares one signature and one synced write. */
export interface RecordBatcher {
  /** Resolves when all of `records` are on disk; rejects with what the write threw. */
  append(records: readonly MeshRecord[]): Promise<void>
  /** Writes what waits. */
  flush(): Promise<void>
}

interface Batch {
  readonly records: MeshRecord[]
  bytes: number
  readonly written: Promise<void>
  settle(work: Promise<void>): void
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

  function place(record: MeshRecord): Promise<void> {
    const bytes = parts.sizeOf(record)
    if (open !== undefined && open.bytes + bytes > ENTRY_FLUSH_BYTES) close(open)
    const batch = open ?? openBatch()
    batch.records.push(record)
    batch.bytes += bytes
    if (batch.records.length >= MAX_ENTRY_RECORDS || batch.bytes >= ENTRY_FLUSH_BYTES) close(batch)
    return batch.written
  }

  return {
    async append(records) {
      await Promise.all(records.map(place))
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
  let settle!: (work: Promise<void>) => void
  const written = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { records: [], bytes: 0, written, settle }
}
