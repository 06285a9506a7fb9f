import type { Sha256 } from '../core/ids.ts'
import type { LostRecord, MeshRecord, ResultRecord } from '../core/record.ts'

/** Published wheels whose bytes no member has any more, from `lost` and `found` records. docs/protocol/publishing.md#lost-wheels */
export interface LostBlobs {
  /** The file of which something else holds now, if there is one. */
  apply(recordId: string, record: MeshRecord): Sha256 | undefined
  /** Forgets all. */
  reset(): void
  isLost(file: Sha256): boolean
  /** Such a result counts neither for the queue nor for the index. */
  isResultLost(record: ResultRecord): boolean
  all(): Iterable<Sha256>
  /** For the author of the next record about a file: later than all that was said, whatever its clock says. */
  nextMs(file: Sha256, wallMs: number): number
}

interface Said {
  readonly recordId: string
  readonly record: LostRecord
}

export function createLostBlobs(): LostBlobs {
  const latest = new Map<Sha256, Said>()
  const lost = new Set<Sha256>()

  function note(said: Said): Sha256 | undefined {
    const { file, kind } = said.record
    const known = latest.get(file)
    if (known !== undefined && !isLater(said, known)) return undefined
    latest.set(file, said)
    const was = lost.has(file)
    if (kind === 'lost') lost.add(file)
    else lost.delete(file)
    return was === lost.has(file) ? undefined : file
  }

  const isLost = (file: Sha256): boolean => lost.has(file)
  return {
    apply: (recordId, record) =>
      record.kind === 'lost' || record.kind === 'found' ? note({ recordId, record }) : undefined,
    reset() {
      latest.clear()
      lost.clear()
    },
    isLost,
    isResultLost: ({ wheel }) => wheel !== undefined && isLost(wheel.sha256),
    all: () => lost,
    nextMs: (file, wallMs) => Math.max(wallMs, (latest.get(file)?.record.createdMs ?? 0) + 1)
  }
}

/** A total order that does not depend on which came first. */
function isLater(a: Said, b: Said): boolean {
  if (a.record.createdMs !== b.record.createdMs) return a.record.createdMs > b.record.createdMs
  return a.recordId > b.recordId
}
