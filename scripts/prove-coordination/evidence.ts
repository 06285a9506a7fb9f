import { finishedMs } from '../../src/ledger/results.ts'
import type { BuildEvent } from '../../test/support/fake-builder.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import type { Fleet } from './fleet.ts'
import type { Loss, Run } from './judge.ts'
import { resultsOnDisk, type SignedResult } from './ledgers.ts'

/** What the disks of all nodes say when they have stopped. */
export interface Evidence {
  readonly runs: readonly Run[]
  /** Signed results in all ledgers together. */
  readonly signed: number
  /** Results that a ledger lacks, or that nobody signed although the build ended on a node that lived on. */
  readonly lost: readonly string[]
  /** Builds that ended in the last moments of a killed process. */
  readonly unsignedAtDeath: readonly string[]
}

/** A process killed this short after a build ended may not have signed it. */
const SIGNING_MS = 3_000
/** Between the desk's look at the clock and the builder's. */
const BEGIN_MS = 2_000

/** `seen`: results as the nodes listed them on the way, `builder job finished`. */
export async function gatherEvidence(
  fleet: Fleet,
  { seen, losses }: { readonly seen: ReadonlySet<string>; readonly losses: readonly Loss[] }
): Promise<Evidence> {
  const disks = new Map<NodeProcess, ReadonlyMap<string, SignedResult>>()
  for (const node of fleet.nodes) disks.set(node, await resultsOnDisk(node.dataDir))
  const union = new Map([...disks.values()].flatMap((disk) => [...disk]))
  const lost = [...disks].flatMap(([node, disk]) =>
    [...union]
      .filter(([id]) => !disk.has(id))
      .map(([, { record, builder }]) => `${record.job} of ${builder} is not in the ledger of ${node.name}`)
  )
  const listed = new Set(
    [...union.values()].map(({ builder, record }) => `${builder} ${record.job} ${finishedMs(record)}`)
  )
  for (const one of seen) if (!listed.has(one)) lost.push(`was listed once, and is in no ledger: ${one}`)
  const runs: Run[] = []
  const unsignedAtDeath: string[] = []
  for (const [node, book] of fleet.books()) {
    const own = [...union.values()].filter(({ builder }) => builder === fleet.idOf(node))
    for (const run of runsOf(node.name, book)) {
      const result = own.find((one) => isOf(run, one))
      runs.push(result === undefined ? run : { ...run, fence: result.record.fence })
      if (result !== undefined || run.end === undefined || run.end === 'aborted') continue
      if (diedAfter(run, losses)) unsignedAtDeath.push(run.job)
      else lost.push(`built and never signed: ${run.job} on ${node.name}`)
    }
  }
  return { runs, signed: union.size, lost, unsignedAtDeath }
}

/** A process ends what it began, or dies: a job begun again on the same node is another run. */
export function runsOf(node: string, book: readonly BuildEvent[]): readonly Run[] {
  const open = new Map<string, Run>()
  const runs: Run[] = []
  for (const { job, event, atMs, pid } of book) {
    const key = `${pid} ${job}`
    const begun = open.get(key)
    if (event === 'begun') open.set(key, { job, node, begunMs: atMs })
    else if (begun !== undefined) {
      open.delete(key)
      runs.push({ ...begun, endedMs: atMs, end: event })
    }
  }
  return [...runs, ...open.values()]
}

function isOf(run: Run, { record }: SignedResult): boolean {
  return record.job === run.job && Math.abs(record.startedMs - run.begunMs) < BEGIN_MS
}

function diedAfter({ node, endedMs = 0 }: Run, losses: readonly Loss[]): boolean {
  return losses.some(
    (loss) =>
      loss.how === 'kill -9' && loss.node === node && loss.atMs >= endedMs && loss.atMs - endedMs < SIGNING_MS
  )
}
