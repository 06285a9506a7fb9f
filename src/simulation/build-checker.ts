import type { CoordinationMessage } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { CLAIM_TTL_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import type { ResultRecord } from '../core/record.ts'
import { fenceText } from './lease-checker.ts'
import type { SimNetwork } from './sim-network.ts'
import type { RunningNode } from './running-node.ts'
import type { Violations } from './violations.ts'
import type { World } from './world.ts'

/** A claim is taken for live until a little before its time is over: clocks differ. */
const SURELY_LIVE_MS = 0.95 * CLAIM_TTL_MS
/** A cut may show itself in a claim that was granted on news from before it. */
const CUT_MARGIN_MS = 2 * VIEW_CHANGE_SILENCE_MS

/** One build that really ran. */
interface Run {
  readonly process: RunningNode
  readonly beganMs: number
  readonly fence: Fence | undefined
  heardMs: number
  endedMs: number | undefined
  publishedMs: number | undefined
  /** Its result says that there is nothing more to build. */
  final: boolean
}

export interface BuildCounts {
  readonly builds: number
  /** Builds with a final result of jobs that had one already. */
  readonly duplicates: number
  readonly results: number
}

/** Watches what is built by whom, and whether it should have been. */
export class BuildChecker {
  readonly #world: World
  readonly #network: () => SimNetwork
  readonly #violations: Violations
  readonly #runs = new Map<JobId, Run[]>()
  readonly #grants = new Map<string, { readonly fence: Fence; readonly atMs: number }>()
  readonly #heardFences = new Map<string, Fence>()
  readonly #published: { readonly process: RunningNode; readonly result: ResultRecord }[] = []
  #builds = 0

  constructor(world: World, network: () => SimNetwork, violations: Violations) {
    this.#world = world
    this.#network = network
    this.#violations = violations
  }

  delivered(to: RunningNode, message: CoordinationMessage): void {
    if (message.kind === 'grant') {
      const { job, fence } = message.claim
      this.#grants.set(`${to.id} ${to.boot} ${job}`, { fence, atMs: this.#world.nowMs() })
    } else if (message.kind === 'progress') {
      const { job, builder } = message.claim
      for (const run of this.#runs.get(job) ?? []) {
        if (run.process.id === builder && run.endedMs === undefined) run.heardMs = this.#world.nowMs()
      }
    }
  }

  /** A beat that a node must refuse, as of a view with a witness whose admission it has not read yet, binds it to nothing. */
  believed(to: RunningNode, message: CoordinationMessage): void {
    if (message.kind !== 'beat') return
    const key = `${to.id} ${to.boot} ${message.shard}`
    const known = this.#heardFences.get(key)
    if (known === undefined || compareFences(message.fence, known) > 0)
      this.#heardFences.set(key, message.fence)
  }

  began(process: RunningNode, job: JobId): void {
    this.#builds++
    const grant = this.#grants.get(`${process.id} ${process.boot} ${job}`)
    // A build begins with its grant; an older one was dropped, and this one came from the coordinator on the same node.
    const fence = grant?.atMs === this.#world.nowMs() ? grant.fence : undefined
    const run: Run = {
      process,
      fence,
      beganMs: this.#world.nowMs(),
      heardMs: this.#world.nowMs(),
      endedMs: undefined,
      publishedMs: undefined,
      final: false
    }
    this.#world.tell(`${process.id} begins ${job}`)
    this.#checkFence(run, job)
    const runs = this.#runs.get(job) ?? []
    for (const other of runs) this.#compare(job, run, other)
    runs.push(run)
    this.#runs.set(job, runs)
  }

  ended(process: RunningNode, job: JobId): void {
    const run = this.#open(process, job)
    if (run !== undefined) run.endedMs = this.#world.nowMs()
  }

  published(process: RunningNode, result: ResultRecord): void {
    this.#world.tell(`${process.id} has its result of ${result.job} on disk`)
    this.#published.push({ process, result })
    const run = (this.#runs.get(result.job) ?? []).findLast((one) => one.process === process)
    if (run === undefined) return
    run.publishedMs = this.#world.nowMs()
    run.final = result.failure?.class !== 'transient' && result.failure?.class !== 'infra'
  }

  results(): readonly { readonly process: RunningNode; readonly result: ResultRecord }[] {
    return this.#published
  }

  counts(): BuildCounts {
    let duplicates = 0
    for (const runs of this.#runs.values()) {
      duplicates += Math.max(0, runs.filter(({ final }) => final).length - 1)
    }
    return { builds: this.#builds, duplicates, results: this.#published.length }
  }

  /** At the end: no job more often than the times at which its builders were kept apart or were gone allow. */
  checkBounds(): void {
    for (const [job, runs] of this.#runs) {
      const final = runs.filter((run) => run.final)
      const [first] = final
      if (first === undefined || final.length < 2) continue
      const nodes = [...new Set(runs.flatMap((run) => involvedIn(run)))]
      const cuts = this.#network().topology.separations(nodes, first.beganMs - CUT_MARGIN_MS)
      const absences = runs.filter(({ process }) => wasAbsent(process, first.beganMs)).length
      if (final.length > 1 + cuts + absences) {
        this.#violations.add(
          'bounded-duplicates',
          `${job} was built ${final.length} times, with ${cuts} cuts and ${absences} absent builders`
        )
      }
    }
  }

  #open(process: RunningNode, job: JobId): Run | undefined {
    return (this.#runs.get(job) ?? []).findLast((run) => run.process === process && run.endedMs === undefined)
  }

  #checkFence({ process, fence }: Run, job: JobId): void {
    if (fence === undefined) return
    const shard = job.slice(job.lastIndexOf('@') + 1)
    const heard = this.#heardFences.get(`${process.id} ${process.boot} ${shard}`)
    if (heard !== undefined && compareFences(fence, heard) < 0) {
      this.#violations.add(
        'fences-obeyed',
        `${process.id} begins ${job} under ${fenceText(fence)}, having heard ${fenceText(heard)}`
      )
    }
  }

  #compare(job: JobId, run: Run, other: Run): void {
    const nodes = [...new Set([...involvedIn(run), ...involvedIn(other)])]
    const separated = this.#network().topology.separations(nodes, other.beganMs - CUT_MARGIN_MS) > 0
    if (separated || other.process.machine.hasLeft) return
    if (other.publishedMs === undefined) {
      const isRunning = other.endedMs === undefined && other.process.alive
      const live = this.#world.nowMs() - other.heardMs < SURELY_LIVE_MS
      if (!isRunning || !live || other.process.machine.isPaused()) return
      this.#violations.add(
        'one-claim',
        `${run.process.id} begins ${job}, which ${other.process.id} is building`
      )
    } else if (
      other.final &&
      !wasAbsent(other.process, other.publishedMs) &&
      !wasAbsent(run.process, other.publishedMs)
    ) {
      this.#violations.add(
        'built-once',
        `${run.process.id} begins ${job}, which ${other.process.id} finished at ${Math.round(other.publishedMs)} ms`
      )
    }
  }
}

function involvedIn({ process, fence }: Run): readonly NodeId[] {
  return fence === undefined ? [process.id] : [process.id, fence.holder]
}

/** Dead or stopped at some time since then. */
function wasAbsent({ alive, machine }: RunningNode, sinceMs: number): boolean {
  return !alive || machine.presentSinceMs() > sinceMs
}
