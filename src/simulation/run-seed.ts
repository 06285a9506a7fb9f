import type { ShardId } from '../core/coordination.ts'
import type { ProtocolRules } from '../scheduler/protocol-rules.ts'
import type { BuildCounts } from './build-checker.ts'
import { checkEnd, headsOf, isQuiet, servedTargets } from './end-checker.ts'
import { FaultDriver } from './fault-driver.ts'
import { drawPlan, type PlannedWant, type SeedPlan } from './seed-plan.ts'
import { Dice } from './seeded-random.ts'
import { SimMesh } from './sim-mesh.ts'
import type { SimProcess } from './sim-process.ts'
import type { Violation } from './violations.ts'
import { World } from './world.ts'

export interface SeedOptions {
  readonly rules?: ProtocolRules
  /** Keep a transcript: for one failing seed, not for thousands. */
  readonly transcript?: boolean
  /** Stop at the first violation. */
  readonly failFast?: boolean
}

/** What came of one seed. */
export interface SeedReport extends BuildCounts {
  readonly seed: number
  readonly nodes: number
  readonly faults: readonly string[]
  readonly events: number
  readonly trace: string
  readonly violations: readonly Violation[]
  /** Longest time that a shard which had lost its coordinator was without one, in a mesh that was not cut. */
  readonly worstFailOverMs: number
  readonly failOversMs: readonly number[]
  /** From the end of the faults until everybody knew everything and nothing was left to do. */
  readonly convergedMs: number
  readonly messages: number
  readonly lines: readonly string[]
}

/** A mesh gets this long to come to rest once nothing goes wrong any more: the longest back-off, and some. */
const REST_MS = 120 * 60_000
const LOOK_MS = 1_000

/** Runs one seed from its start to rest: the same seed, the same run, to the last event. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedReport> {
  const plan = drawPlan(seed)
  const world = new World({ transcript: options.transcript ?? false })
  const mesh = new SimMesh(world, {
    seed,
    weather: plan.weather,
    roots: plan.machines.slice(0, plan.roots).map(({ id }) => id),
    ...(options.rules === undefined ? {} : { rules: options.rules })
  })
  const failOvers = watchFailOvers(mesh)
  const failed = (): boolean => options.failFast === true && mesh.violations.list().length > 0
  world.tell(`seed ${seed}: ${plan.machines.length} nodes, faults: ${[...plan.faults].join(', ')}`)
  setUp(mesh, plan)
  const faults = new FaultDriver(mesh, plan)
  faults.start()
  await world.run(plan.faultyMs, failed)
  faults.end()
  const convergedMs = failed() ? 0 : await rest(mesh, failed)
  if (!failed()) checkEnd(mesh.awake(), mesh.builds, mesh.violations)
  return {
    seed,
    nodes: mesh.machines.length,
    faults: [...plan.faults],
    events: world.events(),
    trace: world.trace(),
    violations: mesh.violations.list(),
    failOversMs: failOvers,
    worstFailOverMs: Math.max(0, ...failOvers),
    convergedMs,
    messages: mesh.network.traffic.messages,
    lines: world.lines(),
    ...mesh.builds.counts()
  }
}

function setUp(mesh: SimMesh, plan: SeedPlan): void {
  const processes: SimProcess[] = []
  for (const [at, facts] of plan.machines.entries()) {
    const machine = mesh.addMachine(facts)
    const process = mesh.boot(machine)
    processes.push(process)
    const [founder] = processes
    if (at >= plan.roots && founder !== undefined) mesh.admit(machine, founder)
  }
  const dice = new Dice(plan.seed, 'wants')
  for (const want of plan.wants) {
    mesh.upstream.publish(want.package)
    mesh.world.at(1_000 + want.atMs, () => {
      ask(mesh, want, dice)
    })
  }
}

/** Somebody who is there asks for it; a person would try again if the node could not take it. */
function ask(mesh: SimMesh, want: PlannedWant, dice: Dice): void {
  const process = dice.pick(mesh.awake().filter(({ machine }) => !machine.hasLeft && !machine.disk.full))
  if (process === undefined) {
    mesh.world.at(5_000, () => {
      ask(mesh, want, dice)
    })
    return
  }
  const { specifier, targets, priority } = want
  process.append({
    kind: 'want',
    specs: [{ project: want.package.project, specifier }],
    targets,
    priority,
    batch: false,
    atomic: false,
    createdMs: process.machine.clock.wallMs()
  })
}

/** Until everybody is done and equal, or time is up. Returns how long it took. */
async function rest(mesh: SimMesh, failed: () => boolean): Promise<number> {
  const { world } = mesh
  const beganMs = world.nowMs()
  while (world.nowMs() - beganMs < REST_MS && !failed()) {
    await world.run(LOOK_MS, failed)
    if (isAtRest(mesh.awake())) break
  }
  return world.nowMs() - beganMs
}

function isAtRest(processes: readonly SimProcess[]): boolean {
  const [first] = processes
  const served = servedTargets(processes)
  if (first === undefined || !processes.every((process) => isQuiet(process, served))) return false
  const heads = headsOf(first)
  return processes.every((process) => headsOf(process) === heads)
}

/** Times from a coordinator's death to its successor's first moment of authority, while the mesh is whole. */
function watchFailOvers(mesh: SimMesh): readonly number[] {
  const times: number[] = []
  const lost = new Map<ShardId, number>()
  mesh.onKill((process) => {
    const nowMs = process.machine.clock.monotonicMs()
    if (mesh.network.topology.isCut()) return
    for (const shard of process.engine.coordination.shards()) {
      if (shard.hasAuthority(nowMs)) lost.set(shard.id, mesh.world.nowMs())
    }
  })
  mesh.leases.onElected((shard) => {
    const sinceMs = lost.get(shard)
    lost.delete(shard)
    if (sinceMs !== undefined && !mesh.network.topology.isCut()) times.push(mesh.world.nowMs() - sinceMs)
  })
  return times
}
