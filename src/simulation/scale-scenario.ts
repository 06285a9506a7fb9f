import type { ShardId } from '../core/coordination.ts'
import type { TargetId } from '../core/ids.ts'
import { FailoverWatch } from './scale-failover.ts'
import { ScaleMesh } from './scale-mesh.ts'
import { PIWHEELS_VERSIONS, ScalePackages } from './scale-packages.ts'
import type { ScenarioFigures, ScenarioName, ScenarioOptions, ScenarioReport } from './scale-report.ts'
import { IdleMeter, LoadMeter, LOOK_MS, untaken } from './scale-samples.ts'
import { tableOf } from './scale-table.ts'
import type { Traffic } from './scale-traffic.ts'

const TARGETS: Readonly<Record<ScenarioName, readonly string[]>> = {
  'piwheels-2017': [
    'cp39-linux_armv7l-glibc2.36',
    'cp311-linux_armv7l-glibc2.36',
    'cp313-linux_armv7l-glibc2.36'
  ],
  'piwheels-2017-one-target': ['cp311-linux_armv7l-glibc2.36']
}

/** What some two minutes of a desktop's core suffice for: versions, up to so many nodes; above, each costs more. */
const AFFORDABLE_VERSIONS = 15_000
const COST_EXPONENT = 0.75
/** Before anybody is asked to build: the coordinators are elected by then. */
const MIN_WARM_UP_MS = 30_000
const MAX_WARM_UP_MS = 300_000
/** After the queue is empty a large mesh is followed for so long; what then still runs is computed. */
const LARGE_MESH = 200
const LARGE_MESH_REST_MS = 120_000
/** Coordinators are ended no oftener: in a mesh with few slices all builders wait for each of them. */
const MIN_FAULT_PERIOD_MS = 120_000
const MIN_FAULT_PERIOD_LARGE_MS = 15_000
const MAX_FAULT_PERIOD_MS = 600_000
const FAULTS = 20
const PROGRESS_EVERY_MS = 1_000
/** Longer than any run: 52 weeks. */
const FOREVER_MS = 52 * 7 * 86_400_000

/** Simulates a scenario and reports what came of it. docs/scale.md */
export function runScenario(options: ScenarioOptions): Promise<ScenarioReport> {
  return new ScenarioRun(options).run()
}

/** What a few real minutes suffice for. */
function affordableShare(nodes: number): number {
  const costs = Math.max(1, nodes / LARGE_MESH) ** COST_EXPONENT
  return Math.min(1, AFFORDABLE_VERSIONS / costs / PIWHEELS_VERSIONS)
}

class ScenarioRun {
  readonly #options: ScenarioOptions
  readonly #share: number
  readonly #targets: readonly TargetId[]
  readonly #packages: ScalePackages
  readonly #mesh: ScaleMesh
  readonly #failover: FailoverWatch
  readonly #load = new LoadMeter()
  readonly #idle = { calm: new IdleMeter(), withFaults: new IdleMeter() }
  readonly #beganMs: number
  #toldMs = 0
  #startMs = 0
  #queueEmptyMs = 0
  #hasFaults = false
  readonly #traffic: { before: Traffic; after: Traffic }

  constructor(options: ScenarioOptions) {
    const { name, nodes, seed, share = affordableShare(nodes) } = options
    if (!(share > 0 && share <= 1)) throw new RangeError('a share is above 0 and at most 1')
    if (!Number.isInteger(nodes) || nodes < 1) throw new RangeError('a mesh has at least one node')
    this.#options = options
    this.#share = share
    this.#beganMs = options.stopwatchMs()
    this.#targets = TARGETS[name].map((target) => target as TargetId)
    this.#packages = new ScalePackages(Math.ceil(PIWHEELS_VERSIONS * share), this.#targets, seed)
    this.#failover = new FailoverWatch(() => this.#mesh, seed)
    this.#mesh = new ScaleMesh({
      nodes,
      seed,
      targets: this.#targets,
      packages: this.#packages,
      stopwatchMs: () => options.stopwatchMs(),
      sizeOf: (message) => options.sizeOf(message),
      onGranted: (shard, holder) => {
        this.#failover.granted(shard, holder)
      }
    })
    const traffic = this.#mesh.traffic.now()
    this.#traffic = { before: traffic, after: traffic }
  }

  async run(): Promise<ScenarioReport> {
    const { world, nodes } = this.#mesh
    world.every(PROGRESS_EVERY_MS, () => {
      this.#tellProgress()
    })
    await world.run(MIN_WARM_UP_MS, () => this.#isAborted())
    await world.run(MAX_WARM_UP_MS, () => this.#isAborted() || this.#isLed())
    const before = this.#mesh.traffic.now()
    this.#traffic.before = before
    this.#startMs = world.nowMs()
    for (const node of nodes) node.accept()
    world.every(LOOK_MS, () => {
      this.#look()
    })
    await world.run(FOREVER_MS, () => this.#isAborted() || this.#isOver())
    if (this.#queueEmptyMs === 0) this.#endOfWork()
    return this.#report()
  }

  #isAborted(): boolean {
    return this.#options.signal?.aborted === true
  }

  /** Every shard has a coordinator that may grant. */
  #isLed(): boolean {
    const nowMs = this.#mesh.world.nowMs()
    const led = new Set<ShardId>()
    for (const { coordination } of this.#mesh.nodes)
      for (const shard of coordination.shards()) if (shard.hasAuthority(nowMs)) led.add(shard.id)
    const [first] = this.#mesh.nodes
    return this.#targets.every((target) =>
      first?.coordination.shardsOf(target).every((shard) => led.has(shard))
    )
  }

  #isOver(): boolean {
    const { world, builds } = this.#mesh
    if (this.#queueEmptyMs === 0) return false
    const isTooLong =
      this.#options.nodes >= LARGE_MESH && world.nowMs() > this.#queueEmptyMs + LARGE_MESH_REST_MS
    return isTooLong || (builds.isIdle() && untaken(this.#mesh, 1) === 0)
  }

  #look(): void {
    if (this.#queueEmptyMs > 0) return
    this.#load.look(this.#mesh)
    this.#failover.look()
    const idle = this.#hasFaults ? this.#idle.withFaults : this.#idle.calm
    idle.look(this.#mesh)
    if (!this.#hasFaults && this.#mesh.builds.done() >= this.#packages.expectedBuilds() / 2)
      this.#beginFaults()
    if (untaken(this.#mesh, 1) === 0) this.#endOfWork()
  }

  #endOfWork(): void {
    this.#queueEmptyMs = this.#mesh.world.nowMs()
    this.#traffic.after = this.#mesh.traffic.now()
    this.#failover.end()
  }

  #beginFaults(): void {
    this.#hasFaults = true
    const isLarge = this.#options.nodes >= LARGE_MESH
    const halfMs = this.#mesh.world.nowMs() - this.#startMs
    const least = isLarge ? MIN_FAULT_PERIOD_LARGE_MS : MIN_FAULT_PERIOD_MS
    this.#failover.begin(Math.max(least, Math.min(MAX_FAULT_PERIOD_MS, halfMs / FAULTS)))
  }

  #tellProgress(): void {
    const realMs = this.#options.stopwatchMs()
    if (realMs - this.#toldMs < PROGRESS_EVERY_MS) return
    this.#toldMs = realMs
    this.#options.onProgress({
      virtualMs: this.#mesh.world.nowMs(),
      jobsDone: this.#mesh.builds.done(),
      jobs: this.#packages.expectedBuilds(),
      eventsPerSecond: (this.#mesh.world.events() / Math.max(1, realMs - this.#beganMs)) * 1_000
    })
  }

  #report(): ScenarioReport {
    const { name, nodes, seed } = this.#options
    const figures = this.#figures()
    const run = { scenario: name, nodes, share: this.#share, seed, complete: !this.#isAborted(), figures }
    const rates = this.#rates()
    const facts = {
      ...this.#packages.facts(),
      targets: this.#targets.length,
      stillRunning: this.#mesh.builds.rest().running,
      ended: this.#failover.ended(),
      foldMs: this.#mesh.foldMs(),
      ...rates
    }
    return { ...run, table: tableOf(run, facts) }
  }

  #figures(): ScenarioFigures {
    const { builds, ledger, world } = this.#mesh
    const totals = builds.totals()
    const rest = builds.rest()
    const load = this.#load.figures()
    const workMs = this.#packages.expectedWorkMs()
    const longestBuildMs = this.#packages.longestMs()
    return {
      versions: this.#packages.count,
      builds: totals.begun,
      built: totals.built,
      failed: totals.failed,
      duplicates: totals.duplicates,
      lostBuilds: totals.lost,
      lostWorkMs: totals.lostWorkMs,
      unfinishedJobs: ledger.unfinished(),
      workMs,
      longestBuildMs,
      queueEmptyMs: Math.max(0, this.#queueEmptyMs - this.#startMs),
      wallMs: Math.max(0, rest.endMs - this.#startMs),
      idealMs: Math.max(workMs / this.#options.nodes, longestBuildMs),
      idleShare: this.#idle.calm.share(),
      idleShareWithFaults: this.#idle.withFaults.share(),
      killed: this.#failover.spread('killed', 'grant'),
      killedToAuthority: this.#failover.spread('killed', 'authority'),
      stopped: this.#failover.spread('stopped', 'grant'),
      stoppedToAuthority: this.#failover.spread('stopped', 'authority'),
      ...this.#perNodeSecond(),
      busiestMessagesPerSecond: load.mostMessagesPerSecond,
      coordinatorCpu: load.coordinatorCpu,
      busiestCoordinatorCpu: load.busiestCpu,
      nodeCpu: load.nodeCpu,
      coordinators: load.coordinators,
      events: world.events(),
      realMs: this.#options.stopwatchMs() - this.#beganMs
    }
  }

  /** Each direct message is one that is sent and one that is received; each gossiped one is received by every node. */
  #perNodeSecond(): Pick<
    ScenarioFigures,
    'directPerNodeSecond' | 'gossipPerNodeSecond' | 'bytesPerNodeSecond'
  > {
    const { before, after } = this.#traffic
    const nodeSeconds = (this.#options.nodes * Math.max(1, this.#queueEmptyMs - this.#startMs)) / 1_000
    return {
      directPerNodeSecond: (2 * (after.direct - before.direct)) / nodeSeconds,
      gossipPerNodeSecond: (after.heard - before.heard) / nodeSeconds,
      bytesPerNodeSecond:
        (2 * (after.directBytes - before.directBytes) + after.heardBytes - before.heardBytes) / nodeSeconds
    }
  }

  /** Messages of the whole mesh a second, by kind, gossiped ones once; entries with results. */
  #rates(): { readonly byKind: readonly (readonly [string, number])[]; readonly entriesPerSecond: number } {
    const { before, after } = this.#traffic
    const seconds = Math.max(1, this.#queueEmptyMs - this.#startMs) / 1_000
    const byKind = [...after.byKind]
      .map(([kind, count]) => [kind, (count - (before.byKind.get(kind) ?? 0)) / seconds] as const)
      .sort(([, a], [, b]) => b - a)
    return { byKind, entriesPerSecond: (after.entries - before.entries) / seconds }
  }
}
