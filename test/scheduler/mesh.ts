import { UPSTREAM_SHARD, type CoordinationMessage, type PausedNote } from '../../src/core/coordination.ts'
import type { ShardId } from '../../src/core/shard.ts'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import type { BuildReport, Clock, WheelBuilder } from '../../src/core/ports.ts'
import { Coordination, type WitnessStore } from '../../src/scheduler/coordination.ts'
import type { WitnessMemory } from '../../src/scheduler/lease-witness.ts'
import { WorkDesk } from '../../src/scheduler/work-desk.ts'
import { MinHeap } from '../../src/scheduler/min-heap.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { silentLog } from '../support/test-ports.ts'
import { aBoard, TARGET } from './fixed-board.ts'

export { TARGET }
const TICK_MS = 250

interface Timed {
  readonly atMs: number
  readonly order: number
  run(): void
}

export interface MeshNode {
  readonly id: NodeId
  coordination: Coordination
  desk: WorkDesk
  up: boolean
  pausedUntilMs: number
}

export interface MeshOptions {
  readonly seed: number
  readonly nodes: number
  readonly jobs: number
  /** Share of messages that the network loses. */
  readonly loss?: number
  readonly buildMs?: number
  /** Builds at once on a node. */
  readonly slots?: number
  /** From the report of a build until its result is signed and stored. */
  readonly publishMs?: number
  /** Slices of the target, as each node sees them. */
  readonly sliceCount?: (node: NodeId) => number
  /** Why a node could not store what it builds, if so. */
  readonly noRoom?: (node: NodeId) => string | undefined
  /** A build begins: what it is asked for, and whom it tells. */
  readonly onBuild?: (node: NodeId, ...build: Parameters<WheelBuilder['build']>) => void
  /** Why a node begins nothing for now, if so. */
  readonly paused?: (node: NodeId) => PausedNote | undefined
}

/** A few whole schedulers in one process on one virtual clock, with a network that delays and loses. */
export class TestMesh {
  nowMs = 0
  readonly nodes: MeshNode[] = []
  /** job → builders that finished it, in order. */
  readonly builds = new Map<JobId, NodeId[]>()
  readonly done = new Map<NodeId, Set<JobId>>()
  /** Messages of a kind that were said, gossip once. */
  readonly said = new Map<string, number>()
  readonly #queue = new MinHeap<Timed>((a, b) => a.atMs - b.atMs || a.order - b.order)
  #order = 0
  readonly #random: () => number
  readonly #memory = new Map<string, WitnessMemory>()
  #cut: ReadonlySet<NodeId> = new Set()

  readonly options: MeshOptions

  constructor(options: MeshOptions) {
    this.options = options
    const random = seededRandom(options.seed)
    this.#random = () => random.float()
    for (let i = 0; i < options.nodes; i++) {
      const id = `node-${String(i).padStart(2, '0')}` as NodeId
      this.done.set(id, new Set())
      const node = { id, up: true, pausedUntilMs: 0 } as MeshNode
      this.nodes.push(node)
      this.boot(node)
    }
  }

  boot(node: MeshNode): void {
    node.up = true
    const boot = Math.floor(this.#random() * 2 ** 32)
    const { coordination, desk } = this.#compose(node, boot)
    node.coordination = coordination
    node.desk = desk
    coordination.open(TARGET)
    coordination.open(UPSTREAM_SHARD)
    const tick = (): void => {
      if (node.coordination !== coordination || !node.up) return
      this.#whenAwake(node, () => {
        coordination.tick()
        desk.tick()
      })
      this.at(TICK_MS, tick)
    }
    this.at(this.#random() * TICK_MS, tick)
  }

  /** As kill -9: nothing is said, what was not stored is gone. */
  kill(node: MeshNode): void {
    node.up = false
  }

  /** Cuts these nodes off from all others; an empty list heals. */
  cut(nodes: readonly MeshNode[]): void {
    this.#cut = new Set(nodes.map(({ id }) => id))
  }

  holder(shard: ShardId = TARGET): MeshNode | undefined {
    return this.nodes.find(
      (node) => node.up && node.coordination.shard(shard)?.hasAuthority(this.nowMs) === true
    )
  }

  /** Share of all slots that stand empty, looked at again and again for so long. */
  async idleShare(forMs: number): Promise<number> {
    const everyMs = 50
    let [free, looks] = [0, 0]
    for (let ms = 0; ms < forMs; ms += everyMs) {
      await this.run(everyMs)
      for (const { desk, up } of this.nodes) if (up) free += desk.freeSlots()
      looks++
    }
    return free / (looks * this.nodes.length * (this.options.slots ?? 1))
  }

  holders(shard: ShardId = TARGET): readonly MeshNode[] {
    return this.nodes.filter(
      (node) =>
        node.up &&
        node.pausedUntilMs <= this.nowMs &&
        node.coordination.shard(shard)?.hasAuthority(this.nowMs) === true
    )
  }

  at(inMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + inMs, order: this.#order++, run })
  }

  /** Runs until `until` holds or the time is over; says which. */
  async run(forMs: number, until: () => boolean = () => false): Promise<boolean> {
    const endMs = this.nowMs + forMs
    while (!until()) {
      const next = this.#queue.least()
      if (next === undefined || next.atMs > endMs) {
        this.nowMs = endMs
        return false
      }
      this.#queue.pop()
      this.nowMs = next.atMs
      next.run()
      for (let i = 0; i < 6; i++) await Promise.resolve()
    }
    return true
  }

  #whenAwake(node: MeshNode, run: () => void): void {
    if (node.pausedUntilMs > this.nowMs)
      this.at(node.pausedUntilMs - this.nowMs, () => {
        this.#whenAwake(node, run)
      })
    else if (node.up) run()
  }

  #reaches(from: NodeId, to: NodeId): boolean {
    return this.#cut.has(from) === this.#cut.has(to)
  }

  #deliver(from: NodeId, to: NodeId, message: CoordinationMessage, gossiped: boolean): void {
    if (!this.#reaches(from, to) || this.#random() < (this.options.loss ?? 0)) return
    const target = this.nodes.find(({ id }) => id === to)!
    this.at(5 + this.#random() * 60, () => {
      this.#whenAwake(target, () => {
        target.coordination.receive(from, message, gossiped)
      })
    })
  }

  #compose(node: MeshNode, boot: number): { coordination: Coordination; desk: WorkDesk } {
    const self = node.id
    const clock: Clock = {
      monotonicMs: () => this.nowMs,
      wallMs: () => this.nowMs,
      sleep: (ms) =>
        new Promise((resolve) => {
          this.at(ms, resolve)
        })
    }
    const board = aBoard(this.options.jobs, (job) => this.done.get(self)?.has(job) !== true)
    const witnesses: WitnessStore = {
      load: async (shard) => this.#memory.get(`${self} ${shard}`),
      save: async (shard, memory) => void this.#memory.set(`${self} ${shard}`, memory)
    }
    const count = ({ kind }: CoordinationMessage): void =>
      void this.said.set(kind, (this.said.get(kind) ?? 0) + 1)
    const send = (to: NodeId, message: CoordinationMessage): void => {
      count(message)
      this.#deliver(self, to, message, false)
    }
    const coordination = new Coordination(
      {
        clock,
        board,
        witnesses,
        send,
        log: silentLog,
        connected: () =>
          this.nodes.filter(({ id, up }) => id !== self && up && this.#reaches(self, id)).map(({ id }) => id),
        isMember: () => true,
        buildersOf: () => this.nodes.map(({ id }) => id),
        gossip: (message) => {
          count(message)
          for (const { id } of this.nodes) if (id !== self) this.#deliver(self, id, message, true)
        },
        entryCount: () => 0,
        hasResult: ({ job }) => this.done.get(self)?.has(job) === true,
        lacks: () => undefined
      },
      {
        self,
        roots: ['node-00' as NodeId],
        boot,
        ...(this.options.sliceCount === undefined
          ? {}
          : { sliceCount: () => this.options.sliceCount?.(self) ?? 1 })
      }
    )
    const desk = new WorkDesk(
      {
        clock,
        board,
        log: silentLog,
        random: { float: this.#random, bytes: (n) => new Uint8Array(n) },
        builder: this.#builder(node, coordination),
        coordinators: coordination,
        publish: async (result) => {
          if (this.options.publishMs !== undefined) await clock.sleep(this.options.publishMs)
          this.#finished(node, result.job)
        },
        capacity: () => ({ memoryBytes: 1, diskBytes: 1, wallMs: 1 }),
        noRoom: () => this.options.noRoom?.(self),
        paused: () => this.options.paused?.(self)
      },
      { self, boot, targets: [TARGET], slots: this.options.slots ?? 1 }
    )
    coordination.attach(desk, desk)
    return { coordination, desk }
  }

  #builder(node: MeshNode, mine: Coordination): WheelBuilder {
    return {
      build: (request, told) =>
        new Promise<BuildReport>((resolve, reject) => {
          const { signal } = told
          this.options.onBuild?.(node.id, request, told)
          signal.addEventListener('abort', reject)
          this.at((this.options.buildMs ?? 20_000) * (0.5 + this.#random()), () => {
            this.#whenAwake(node, () => {
              if (node.coordination === mine) resolve({} as BuildReport)
            })
          })
        })
    }
  }

  /** The ledger's part: a result reaches everybody who can be reached now, and the others when the cut heals. */
  #finished(node: MeshNode, job: JobId): void {
    const builders = this.builds.get(job) ?? []
    builders.push(node.id)
    this.builds.set(job, builders)
    for (const other of this.nodes) this.#tellResult(node.id, other, job)
  }

  #tellResult(from: NodeId, to: MeshNode, job: JobId): void {
    if (!this.#reaches(from, to.id)) {
      this.at(2_000, () => {
        this.#tellResult(from, to, job)
      })
      return
    }
    this.at(from === to.id ? 0 : 50 + this.#random() * 100, () => {
      this.done.get(to.id)?.add(job)
      to.coordination.onFinished(job, TARGET)
    })
  }
}
