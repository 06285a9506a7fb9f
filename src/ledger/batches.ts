import { groupBatches, isBatchWant, type Batch, type BatchWant } from '../core/batch.ts'
import type { NodeId } from '../core/ids.ts'
import type { WantRecord } from '../core/record.ts'

/** Which wants are built together. */
export interface Batches {
  add(wantId: string, author: NodeId, record: WantRecord): void
  /** Forgets all. */
  reset(): void
  /** Oldest first. */
  all(): readonly Batch[]
  /** The batch that a want belongs to. */
  of(wantId: string): Batch | undefined
}

export function createBatches(): Batches {
  const wants: BatchWant[] = []
  let grouped: readonly Batch[] = []
  let byWant = new Map<string, Batch>()
  let isStale = false

  /** Once for all wants that came since: a ledger that is read at the start has many. */
  function update(): void {
    if (!isStale) return
    isStale = false
    grouped = groupBatches(wants)
    byWant = new Map(grouped.flatMap((batch) => batch.wantIds.map((id) => [id, batch])))
  }

  return {
    add(id, author, record) {
      if (!isBatchWant(record)) return
      wants.push({ id, author, atomic: record.atomic, createdMs: record.createdMs })
      isStale = true
    },
    reset() {
      wants.length = 0
      isStale = true
    },
    all() {
      update()
      return grouped
    },
    of(wantId) {
      update()
      return byWant.get(wantId)
    }
  }
}
