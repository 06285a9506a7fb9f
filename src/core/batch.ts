import type { NodeId } from './ids.ts'
import { BATCH_GATHER_MS, BATCH_QUIET_MS, MAX_TRANSIENT_ATTEMPTS } from './limits.ts'
import type { Failure, WantRecord } from './record.ts'

/*
 * Batches, after Fedora ELN's rebuild strategy: several wants built together, failures again and again until the same set fails
 * twice in a row. Pure functions of wants and results. docs/protocol/queue.md#batches
 */

/** A want that is to be built as part of a batch. */
export interface BatchWant {
  /** Record id of the want. */
  readonly id: string
  readonly author: NodeId
  readonly atomic: boolean
  readonly createdMs: number
}

/** Wants that are built together. */
export interface Batch {
  /** Record id of its first want. */
  readonly id: string
  readonly atomic: boolean
  /** When its first want was made, by its author's clock. */
  readonly startMs: number
  /** In the order in which they were made. */
  readonly wantIds: readonly string[]
}

/**
 * A batch asks for what there is when it is made, nothing that comes later: so it has an end. One that names no targets would grow
 * with each new node, and is taken for an ordinary want.
 */
export function isBatchWant({ batch, targets }: Pick<WantRecord, 'batch' | 'targets'>): boolean {
  return batch && targets.length > 0
}

/**
 * Which wants are built together: those of one author, all atomic or none, each made within {@link BATCH_QUIET_MS} of the one
 * before, and within {@link BATCH_GATHER_MS} of the first. Oldest batch first.
 */
export function groupBatches(wants: readonly BatchWant[]): readonly Batch[] {
  const open = new Map<string, { readonly batch: Batch; readonly wantIds: string[]; newestMs: number }>()
  const batches: Batch[] = []
  for (const { id, author, atomic, createdMs } of [...wants].sort(compareWants)) {
    const key = `${author} ${String(atomic)}`
    const known = open.get(key)
    const joins =
      known !== undefined &&
      createdMs - known.newestMs <= BATCH_QUIET_MS &&
      createdMs - known.batch.startMs <= BATCH_GATHER_MS
    if (joins) {
      known.wantIds.push(id)
      known.newestMs = createdMs
      continue
    }
    const wantIds = [id]
    const batch: Batch = { id, atomic, startMs: createdMs, wantIds }
    open.set(key, { batch, wantIds, newestMs: createdMs })
    batches.push(batch)
  }
  return batches
}

function compareWants(a: BatchWant, b: BatchWant): number {
  return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1)
}

/** One failed build of a cell, and which time the cell was built. */
export interface FailedBuild {
  readonly pass: number
  readonly failure: Failure
}

/**
 * The passes of a cell that ended in failure, lowest first. Two results of one pass (two halves of a cut mesh, a builder that was
 * thought dead) count once; so do transient failures, until there are too many of them.
 */
export function failedPasses(builds: readonly FailedBuild[]): readonly number[] {
  const transient = new Map<number, number>()
  const failed = new Set<number>()
  for (const { pass, failure } of builds) {
    if (failure.class === 'infra') continue
    const count = (transient.get(pass) ?? 0) + 1
    if (failure.class === 'transient') transient.set(pass, count)
    if (failure.class !== 'transient' || count >= MAX_TRANSIENT_ATTEMPTS) failed.add(pass)
  }
  return [...failed].sort((a, b) => a - b)
}

/** A cell as the rounds see it. */
export interface RoundCell {
  /** Passes of this batch that ended in failure. */
  readonly failed: number
  /** Nothing is left to build: a wheel fits, or it is skipped or ruled out. */
  readonly ended: boolean
}

export interface Rounds {
  /** The round that runs, or the last one; from 1. */
  readonly round: number
  /** Nothing failed in it, or the same cells as in the round before. */
  readonly ended: boolean
}

/**
 * How far a batch is on one target. Round 1 builds every cell, round n those that failed in round n − 1; it is over when each of
 * them failed once more or ended otherwise. Then the failures are built again, unless there are none, or they are the same as in the round
 * before. Each round's failures are some of the last round's, so that two of one number are two of the same cells.
 */
export function roundsOf(cells: readonly RoundCell[]): Rounds {
  for (let round = 1; ; round++) {
    const built = cells.filter(({ failed }) => failed >= round - 1)
    if (built.some(({ failed, ended }) => failed < round && !ended)) return { round, ended: false }
    const failed = built.filter((cell) => cell.failed >= round)
    const isSame = round >= 2 && failed.length === built.length
    if (failed.length === 0 || isSame) return { round, ended: true }
  }
}
