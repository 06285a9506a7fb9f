import {
  UPSTREAM_SHARD,
  type ClaimNote,
  type CoordinationMessage,
  type ShardId
} from '../core/coordination.ts'
import type { JobId, NodeId, TargetId } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import type { BuildReport, Log, WheelBuilder } from '../core/ports.ts'
import type { ResultRecord } from '../core/record.ts'
import { buildersOf } from '../scheduler/builders-of.ts'
import { Coordination } from '../scheduler/coordination.ts'
import type { WitnessMemory } from '../scheduler/lease-witness.ts'
import type { Refusal } from '../scheduler/refusal.ts'
import { WorkDesk } from '../scheduler/work-desk.ts'
import type { ScaleLedger } from './scale-ledger.ts'
import type { ScalePackages } from './scale-packages.ts'
import type { ScaleWorld } from './scale-world.ts'
import type { Dice } from './seeded-random.ts'

/** As in production. */
const TICK_MS = 250
/** An SD card's sync: a witness's memory of a promise. */
const DISK_SYNC_MS = 20
const GiB = 1024 ** 3

export interface ScaleNodeParts {
  readonly id: NodeId
  readonly targets: readonly TargetId[]
  readonly world: ScaleWorld
  readonly ledger: ScaleLedger
  readonly packages: ScalePackages
  readonly dice: Dice
  stopwatchMs(): number
  /** What its disk holds of a shard before it is first started. */
  founding(shard: ShardId): WitnessMemory | undefined
  connected(): readonly NodeId[]
  send(from: ScaleNode, to: NodeId, message: CoordinationMessage): void
  gossip(from: ScaleNode, message: CoordinationMessage): void
  onBegin(node: ScaleNode, job: JobId): void
  /** `report` is missing when the build was broken off. */
  onEnd(node: ScaleNode, job: JobId, report: BuildReport | undefined): void
  onGranted(shard: ShardId, holder: NodeId): void
  publish(node: ScaleNode, result: ResultRecord): Promise<void>
}

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, facts) => {
    throw new Error(`a node met an error: ${message} ${JSON.stringify(facts)}`)
  }
}

/** One node of a large mesh: coordination and builder of production; ledger, network, clock and builds simulated. */
export class ScaleNode {
  readonly id: NodeId
  /** Direct messages sent and received since the mesh began. */
  messages = 0
  /** Jobs that it granted as a coordinator. */
  grants = 0
  /** Real time spent in coordination's ticks and messages. */
  spentMs = 0
  coordination: Coordination
  desk: WorkDesk
  readonly #parts: ScaleNodeParts
  readonly #memory = new Map<ShardId, WitnessMemory>()
  #isUp = true
  #isNew = true
  #accepts = false

  constructor(parts: ScaleNodeParts) {
    this.id = parts.id
    this.#parts = parts
    const process = this.#start()
    this.coordination = process.coordination
    this.desk = process.desk
  }

  isUp(): boolean {
    return this.#isUp
  }

  /** From now on it builds, after a restart, too. */
  accept(): void {
    this.#accepts = true
    this.desk.resume()
  }

  receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): void {
    if (this.#isUp) this.coordination.receive(from, message, gossiped)
  }

  /** As kill -9: only what a witness promised is on the disk. */
  kill(): void {
    this.#isUp = false
  }

  /** As Ctrl-C. */
  async stop(): Promise<void> {
    await this.desk.stop()
    await this.coordination.stop()
    this.#isUp = false
  }

  restart(): void {
    this.#isUp = true
    this.#isNew = false
    const { coordination, desk } = this.#start()
    this.coordination = coordination
    this.desk = desk
    if (this.#accepts) desk.resume()
    this.coordination.announce()
  }

  #start(): { readonly coordination: Coordination; readonly desk: WorkDesk } {
    const { world, dice, targets } = this.#parts
    const boot = Math.floor(dice.random.float() * 2 ** 32)
    const coordination = this.#makeCoordination(boot)
    const desk = this.#makeDesk(coordination, boot)
    desk.finish()
    coordination.attach(desk, desk)
    for (const target of targets) coordination.open(target)
    coordination.open(UPSTREAM_SHARD)
    const tick = (): void => {
      if (!this.#isUp || this.coordination !== coordination) return
      coordination.tick()
      desk.tick()
      world.at(TICK_MS, tick)
    }
    world.at(dice.between(0, TICK_MS), tick)
    return { coordination, desk }
  }

  #makeCoordination(boot: number): Coordination {
    const { id: self, world, ledger } = this.#parts
    const { state, board, roots } = ledger
    const meter: Meter = {
      node: this,
      stopwatchMs: () => this.#parts.stopwatchMs(),
      onGranted: (shard, holder) => {
        this.#parts.onGranted(shard, holder)
      }
    }
    const parts = {
      clock: world.clock,
      log: SILENT,
      board,
      witnesses: {
        load: (shard: ShardId) =>
          Promise.resolve(this.#memory.get(shard) ?? (this.#isNew ? this.#parts.founding(shard) : undefined)),
        save: async (shard: ShardId, memory: WitnessMemory) => {
          await world.clock.sleep(DISK_SYNC_MS)
          this.#memory.set(shard, memory)
        }
      },
      connected: () => this.#parts.connected(),
      isMember: (node: NodeId) => state.membership.isMember(node),
      wasAdmitted: (node: NodeId) => state.membership.wasAdmitted(node),
      buildersOf: (target: TargetId) => buildersOf(state, target),
      send: (to: NodeId, message: CoordinationMessage) => {
        if (this.#isUp) this.#parts.send(this, to, message)
      },
      gossip: (message: CoordinationMessage) => {
        if (this.#isUp) this.#parts.gossip(this, message)
      },
      entryCount: () => state.results.count(),
      hasResult: (claim: ClaimNote) => ledger.hasResult(claim),
      // There is one ledger for all.
      lacks: () => undefined
    }
    return new MeteredCoordination(parts, { self, roots, boot }, meter)
  }

  #makeDesk(coordinators: Coordination, boot: number): WorkDesk {
    const { id: self, world, ledger, dice, targets } = this.#parts
    const { board } = ledger
    return new WorkDesk(
      {
        clock: world.clock,
        random: dice.random,
        log: SILENT,
        board: {
          get: (job) => board.get(job),
          fits: (job, capacity, builder) => board.fits(job, capacity, builder),
          onChange: (listener) => {
            ledger.listen(self, listener)
          }
        },
        builder: this.#builder(coordinators),
        coordinators,
        publish: (result) => this.#parts.publish(this, result),
        capacity: () => ({ memoryBytes: GiB, diskBytes: 4 * GiB, wallMs: 8 * 3_600_000 })
      },
      { self, boot, targets, slots: 1 }
    )
  }

  /** Takes as long and comes to what was drawn for the version. A process that was killed never ends its build. */
  #builder(mine: Coordination): WheelBuilder {
    const { world, packages } = this.#parts
    return {
      build: ({ job }, options) => {
        const id = jobId(job.project, job.version, job.target)
        this.#parts.onBegin(this, id)
        const { signal } = options
        options.onPhase('build')
        return new Promise((resolve, reject) => {
          let isOver = false
          signal.addEventListener('abort', () => {
            if (isOver) return
            isOver = true
            this.#parts.onEnd(this, id, undefined)
            reject(signal.reason as Error)
          })
          world.at(packages.durationMs(id), () => {
            if (isOver || !this.#isUp || this.coordination !== mine) return
            isOver = true
            const report = packages.report(id)
            this.#parts.onEnd(this, id, report)
            resolve(report)
          })
        })
      }
    }
  }
}

interface Meter {
  readonly node: ScaleNode
  stopwatchMs(): number
  onGranted(shard: ShardId, holder: NodeId): void
}

/** Coordination of production, with a stopwatch at its doors. */
class MeteredCoordination extends Coordination {
  readonly #meter: Meter
  #depth = 0

  constructor(
    parts: ConstructorParameters<typeof Coordination>[0],
    options: ConstructorParameters<typeof Coordination>[1],
    meter: Meter
  ) {
    super(parts, options)
    this.#meter = meter
  }

  override tick(): void {
    this.#measure(() => {
      super.tick()
    })
  }

  override receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): Refusal | undefined {
    if (message.kind === 'grant') this.#meter.onGranted(message.shard, message.claim.fence.holder)
    return this.#measure(() => super.receive(from, message, gossiped))
  }

  override send(to: NodeId, message: CoordinationMessage): void {
    if (message.kind === 'grant') this.#meter.node.grants++
    super.send(to, message)
  }

  #measure<T>(run: () => T): T {
    if (this.#depth > 0) return run()
    this.#depth++
    const began = this.#meter.stopwatchMs()
    try {
      return run()
    } finally {
      this.#depth--
      this.#meter.node.spentMs += this.#meter.stopwatchMs() - began
    }
  }
}
