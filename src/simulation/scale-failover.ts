import type { ShardId } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import { sliceOfShard } from '../core/shard.ts'
import type { ScaleMesh } from './scale-mesh.ts'
import type { Spread } from './scale-report.ts'
import { Dice } from './seeded-random.ts'

/** A coordinator that granted so lately is in the middle of its work: builders wait at its door. */
const BUSY_MS = 5_000
/** Until the node that was killed, or stopped, is started again. */
const AWAY_MS = 60_000

/** How often it is looked whether somebody may grant again. */
const LOOK_MS = 20

type Ending = 'killed' | 'stopped'

/** Until a builder has the next one's first grant, which some builder has to ask for; until the next one may grant. */
type Milestone = 'grant' | 'authority'

interface LastGrant {
  readonly holder: NodeId
  readonly atMs: number
}

interface Orphan {
  readonly ending: Ending
  readonly former: NodeId
  readonly sinceMs: number
}

/** Ends coordinators in the middle of their work, and measures until their shards' jobs are granted again. */
export class FailoverWatch {
  readonly #mesh: () => ScaleMesh
  readonly #dice: Dice
  readonly #lastGrants = new Map<ShardId, LastGrant>()
  readonly #orphans = new Map<ShardId, Orphan>()
  readonly #times = new Map<`${Ending} ${Milestone}`, number[]>()
  #ended = 0
  #isOver = false

  constructor(mesh: () => ScaleMesh, seed: number) {
    this.#mesh = mesh
    this.#dice = new Dice(seed, 'faults')
  }

  /** From now on a coordinator is killed each period, and another one stopped in the middle between. */
  begin(periodMs: number): void {
    const { world } = this.#mesh()
    const kill = (): void => {
      this.#end('killed')
    }
    const stop = (): void => {
      this.#end('stopped')
    }
    world.at(0, kill)
    world.every(periodMs, kill)
    world.at(periodMs / 2, () => {
      stop()
      world.every(periodMs, stop)
    })
  }

  /** No more: what is left are a few long builds. */
  end(): void {
    this.#isOver = true
    this.#orphans.clear()
  }

  granted(shard: ShardId, holder: NodeId): void {
    const nowMs = this.#mesh().world.nowMs()
    this.#lastGrants.set(shard, { holder, atMs: nowMs })
    const orphan = this.#orphans.get(shard)
    // What the former one granted before its end may still be on its way.
    if (orphan === undefined || (orphan.former === holder && nowMs - orphan.sinceMs < AWAY_MS)) return
    this.#orphans.delete(shard)
    this.#note(orphan, 'grant')
  }

  /** Where nothing is left to grant no time is measured. */
  look(): void {
    for (const shard of [...this.#orphans.keys()]) if (!this.#hasWork(shard)) this.#orphans.delete(shard)
  }

  /** Coordinators that were ended so far. */
  ended(): number {
    return this.#ended
  }

  spread(ending: Ending, milestone: Milestone): Spread {
    const times = [...(this.#times.get(`${ending} ${milestone}`) ?? [])].sort((a, b) => a - b)
    const at = (share: number): number => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0
    return { count: times.length, medianMs: at(0.5), p90Ms: at(0.9), worstMs: at(1) }
  }

  #end(ending: Ending): void {
    const mesh = this.#mesh()
    const victim = this.#busyCoordinator()
    if (victim === undefined || this.#isOver) return
    const { world } = mesh
    const node = mesh.node(victim)
    if (node === undefined) return
    this.#ended++
    for (const [shard, { holder, atMs }] of this.#lastGrants)
      if (holder === victim && world.nowMs() - atMs < BUSY_MS)
        this.#orphan(shard, { ending, former: victim, sinceMs: world.nowMs() })
    if (ending === 'killed') mesh.kill(node)
    else void node.stop()
    world.at(AWAY_MS, () => {
      mesh.restart(node)
    })
  }

  #orphan(shard: ShardId, orphan: Orphan): void {
    const { world, nodes } = this.#mesh()
    this.#orphans.set(shard, orphan)
    const look = (): void => {
      const nowMs = world.nowMs()
      if (this.#isOver || nowMs - orphan.sinceMs > 2 * AWAY_MS) return
      const isLed = nodes.some(
        (node) =>
          node.id !== orphan.former &&
          node.isUp() &&
          node.coordination.shard(shard)?.hasAuthority(nowMs) === true
      )
      if (isLed) this.#note(orphan, 'authority')
      else world.at(LOOK_MS, look)
    }
    world.at(LOOK_MS, look)
  }

  #note({ ending, sinceMs }: Orphan, milestone: Milestone): void {
    const key = `${ending} ${milestone}` as const
    const times = this.#times.get(key) ?? []
    times.push(this.#mesh().world.nowMs() - sinceMs)
    this.#times.set(key, times)
  }

  #busyCoordinator(): NodeId | undefined {
    const mesh = this.#mesh()
    const busy = [...this.#lastGrants].filter(
      ([shard, { holder, atMs }]) =>
        mesh.world.nowMs() - atMs < BUSY_MS &&
        !this.#orphans.has(shard) &&
        mesh.node(holder)?.isUp() === true &&
        this.#hasWork(shard)
    )
    return this.#dice.pick(busy)?.[1].holder
  }

  #hasWork(shard: ShardId): boolean {
    const slice = sliceOfShard(shard)
    if (slice === undefined) return false
    const { ledger, builds } = this.#mesh()
    for (const job of ledger.board.openJobs(slice.target, { isServed: () => true, slice }))
      if (!builds.isTaken(job)) return true
    return false
  }
}
