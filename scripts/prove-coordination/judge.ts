import { compareFences, type Fence } from '../../src/core/fence.ts'
import { GRANT_FRESH_MS } from '../../src/core/limits.ts'

/** One build as it really ran, from the builder's own book. */
export interface Run {
  readonly job: string
  /** Label of the node that ran it. */
  readonly node: string
  readonly begunMs: number
  /** Absent: its process ended in the middle. */
  readonly endedMs?: number
  readonly end?: 'built' | 'failed' | 'aborted'
  /** By whose authority, as its signed result says; absent: no result. */
  readonly fence?: Fence
}

/** A coordinator that was taken away. */
export interface Loss {
  readonly how: 'kill -9' | 'SIGSTOP' | 'SIGTERM'
  readonly node: string
  /** Its id, as fences name it. */
  readonly id: string
  readonly atMs: number
}

export interface Cut {
  readonly fromMs: number
  readonly healedMs: number
  /** When all nodes named one coordinator again. */
  readonly mergedMs: number
  /** Half of each node, by label. */
  readonly halves: Readonly<Record<string, 0 | 1>>
  /** Ids of the nodes of each half. */
  readonly ids: readonly [readonly string[], readonly string[]]
}

export interface Story {
  readonly runs: readonly Run[]
  readonly losses: readonly Loss[]
  readonly cut: Cut
}

export interface FailOver {
  readonly how: string
  readonly node: string
  /** To the first build begun under another coordinator; absent: none began. */
  readonly ms?: number
}

export interface Verdict {
  /** Number of jobs by how many builds of them came to an end. */
  readonly buildsPerJob: Readonly<Record<string, number>>
  /** Builds that ended in the middle, with their process or by its orderly stop. */
  readonly unfinished: number
  /** Jobs built once in each half, since neither could know. */
  readonly builtInBothHalves: readonly string[]
  readonly failOvers: readonly FailOver[]
  readonly violations: readonly string[]
}

/** A result that was signed this short before the cut may not have left its half; the merge is seen a second late. */
const EDGE_MS = 2_000
const HALVES = 2

/** What the builds of a run say about the promises of coordination. Pure: the same story, the same verdict. */
export function judge({ runs, losses, cut }: Story): Verdict {
  const byJob = Object.values(groupedByJob(runs))
  const verdicts = byJob.map((ofJob) => judgeJob(ofJob, cut))
  const endless = runs.filter((run) => run.end === undefined && !wasKilled(run, losses))
  const failOvers = losses.map((loss) => failOverOf(runs, loss))
  const violations = [
    ...verdicts.flatMap(({ violations }) => violations),
    ...endless.map((run) => `a build without an end: ${run.job}, ${tell(run)}`),
    ...lateGrants(runs, cut),
    ...failOvers.flatMap(({ how, node, ms }) =>
      ms === undefined ? [`no build began under another coordinator after ${how} to ${node}`] : []
    )
  ]
  const buildsPerJob: Record<string, number> = {}
  for (const { finished } of verdicts) buildsPerJob[finished] = (buildsPerJob[finished] ?? 0) + 1
  return {
    buildsPerJob,
    unfinished: runs.filter((run) => !isFinished(run)).length,
    builtInBothHalves: verdicts.flatMap(({ builtInBothHalves }) => builtInBothHalves).sort(),
    failOvers: [...failOvers, ...cutFailOvers(runs, cut)],
    violations
  }
}

interface JobVerdict {
  /** Builds that came to an end. */
  readonly finished: number
  readonly builtInBothHalves: readonly string[]
  readonly violations: readonly string[]
}

function judgeJob(runs: readonly Run[], cut: Cut): JobVerdict {
  const job = runs[0]?.job ?? ''
  const finished = runs.filter(isFinished).length
  const unexplained = pairsOf(runs).filter((pair) => collide(...pair) && !isAcrossTheCut(cut, ...pair))
  const violations = unexplained
    .slice(0, 1)
    .map(([first, second]) => `built twice: ${job}, ${tell(first)} and ${tell(second)}`)
  if (finished > HALVES) violations.push(`built ${finished} times by ${HALVES} halves: ${job}`)
  return { finished, builtInBothHalves: finished > 1 && unexplained.length === 0 ? [job] : [], violations }
}

function groupedByJob(runs: readonly Run[]): Readonly<Record<string, readonly Run[]>> {
  const groups: Record<string, Run[]> = {}
  for (const run of runs) (groups[run.job] ??= []).push(run)
  return groups
}

function wasKilled({ node, begunMs }: Run, losses: readonly Loss[]): boolean {
  return losses.some((loss) => loss.how === 'kill -9' && loss.node === node && loss.atMs >= begunMs)
}

function isFinished({ end }: Run): boolean {
  return end === 'built' || end === 'failed'
}

function pairsOf(runs: readonly Run[]): readonly (readonly [Run, Run])[] {
  const sorted = [...runs].sort((a, b) => a.begunMs - b.begunMs)
  return sorted.flatMap((first, at) => sorted.slice(at + 1).map((second) => [first, second] as const))
}

/** The second build was for nothing: the first had come to its end, came to it later, or still ran. */
function collide(first: Run, second: Run): boolean {
  if (first.end === undefined) return false
  return isFinished(first) ? true : (first.endedMs ?? 0) > second.begunMs
}

function isAcrossTheCut({ fromMs, mergedMs, halves }: Cut, first: Run, second: Run): boolean {
  const unheard = (first.endedMs ?? Infinity) >= fromMs - EDGE_MS
  const inTime = second.begunMs >= fromMs && second.begunMs <= mergedMs + EDGE_MS
  return halves[first.node] !== halves[second.node] && unheard && inTime
}

/** Builds begun under a coordinator when a later one's had long begun; while the mesh is cut, each half has its own. */
function lateGrants(runs: readonly Run[], cut: Cut): readonly string[] {
  const outside = runs.filter(
    ({ begunMs }) => begunMs < cut.fromMs || begunMs > cut.mergedMs + EDGE_MS + GRANT_FRESH_MS
  )
  return outside.flatMap((run) => {
    const { fence, begunMs } = run
    if (fence === undefined) return []
    const newer = outside.find(
      (other) =>
        other.fence !== undefined &&
        compareFences(other.fence, fence) > 0 &&
        other.begunMs + GRANT_FRESH_MS < begunMs
    )
    return newer === undefined ? [] : [`granted by a coordinator after its time: ${run.job}, ${tell(run)}`]
  })
}

function failOverOf(runs: readonly Run[], { how, node, id, atMs }: Loss): FailOver {
  return { how, node, ...firstAfter(runs, atMs, (run) => run.fence?.holder !== id) }
}

/** How long each half went without a new build: one of them lost its coordinator with the other. */
function cutFailOvers(runs: readonly Run[], { fromMs, mergedMs, halves, ids }: Cut): readonly FailOver[] {
  return ([0, 1] as const).map((half) => {
    const holders = new Set(ids[half])
    const first = firstAfter(
      runs.filter(({ begunMs }) => begunMs <= mergedMs),
      fromMs,
      ({ node, fence }) => halves[node] === half && fence !== undefined && holders.has(fence.holder)
    )
    return { how: 'cut', node: `half ${half}`, ...first }
  })
}

function firstAfter(
  runs: readonly Run[],
  atMs: number,
  counts: (run: Run) => boolean
): { readonly ms?: number } {
  const times = runs
    .filter((run) => run.fence !== undefined && run.begunMs > atMs && counts(run))
    .map(({ begunMs }) => begunMs - atMs)
  return times.length === 0 ? {} : { ms: Math.min(...times) }
}

function tell({ node, begunMs, endedMs, end, fence }: Run): string {
  const until =
    endedMs === undefined ? 'never ended' : `${end ?? ''} ${new Date(endedMs).toISOString().slice(11, 23)}`
  const under = fence === undefined ? '' : ` under term ${fence.term} of epoch ${fence.epoch}`
  return `${node} from ${new Date(begunMs).toISOString().slice(11, 23)} (${until})${under}`
}
