import { UPSTREAM_SHARD, type CoordinationMessage, type ShardId } from '../../src/core/coordination.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { JobId, NodeId, TargetId } from '../../src/core/ids.ts'
import { parseJobId } from '../../src/core/job.ts'
import type { BuildReport, Clock, WheelBuilder } from '../../src/core/ports.ts'
import type { JobBoard } from '../../src/scheduler/job-board.ts'
import { Coordination, type WitnessStore } from '../../src/scheduler/coordination.ts'
import type { WitnessMemory } from '../../src/scheduler/lease-witness.ts'
import { WorkDesk } from '../../src/scheduler/work-desk.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { silentLog } from '../support/test-ports.ts'

export const TARGET = 'cp311-linux_x86_64-glibc2.36' as TargetId
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
}

/** A few whole schedulers in one process on one virtual clock, with a network that delays and loses. */
export class TestMesh {
  nowMs = 0
  readonly nodes: MeshNode[] = []
  /** job → builders that finished it, in order. */
  readonly builds = new Map<JobId, NodeId[]>()
  readonly done = new Map<NodeId, Set<JobId>>()
  #queue: Timed[] = []
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
      const next = this.#takeNext()
      if (next === undefined || next.atMs > endMs) {
        if (next !== undefined) this.#queue.push(next)
        this.nowMs = endMs
        return false
      }
      this.nowMs = next.atMs
      next.run()
      for (let i = 0; i < 6; i++) await Promise.resolve()
    }
    return true
  }

  #takeNext(): Timed | undefined {
    let best = 0
    for (let i = 1; i < this.#queue.length; i++) {
      const [a, b] = [this.#queue[i]!, this.#queue[best]!]
      if (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)) best = i
    }
    return this.#queue.splice(best, 1)[0]
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
    const jobs = Array.from({ length: this.options.jobs }, (_, i) => `p${i}==1.0@${TARGET}` as JobId)
    const isOpen = (job: JobId): boolean => this.done.get(self)?.has(job) !== true
    const board = {
      *openJobs(target: TargetId) {
        if (target === TARGET) for (const job of jobs) if (isOpen(job)) yield job
      },
      get: (job: JobId) =>
        isOpen(job)
          ? {
              id: job,
              ...parseJobId(job),
              state: { kind: 'open', failures: 0 },
              sdist: { ref: { filename: 'a.tar.gz', sha256: sha256Hex(job) }, url: 'http://127.0.0.1/' },
              wantIds: [],
              order: ''
            }
          : undefined
    } as unknown as JobBoard
    const witnesses: WitnessStore = {
      load: async (shard) => this.#memory.get(`${self} ${shard}`),
      save: async (shard, memory) => void this.#memory.set(`${self} ${shard}`, memory)
    }
    const send = (to: NodeId, message: CoordinationMessage): void => {
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
          for (const { id } of this.nodes) if (id !== self) this.#deliver(self, id, message, true)
        },
        entryCount: () => 0
      },
      { self, roots: ['node-00' as NodeId], boot }
    )
    const desk = new WorkDesk(
      {
        clock,
        board,
        log: silentLog,
        random: { float: this.#random, bytes: (n) => new Uint8Array(n) },
        builder: this.#builder(node, coordination),
        holder: (shard) => coordination.holder(shard),
        witnesses: (shard) => coordination.shard(shard)?.view().witnesses ?? [],
        highestFence: (shard) => coordination.shard(shard)?.fence(),
        openJobs: (target) => coordination.openJobs(target),
        isClaimed: (job) => coordination.shard(TARGET)?.claims.get(job) !== undefined,
        send: (to, message) => {
          if (to === self)
            queueMicrotask(() => {
              coordination.receive(self, message, false)
            })
          else send(to, message)
        },
        publish: async (result) => {
          this.#finished(node, result.job)
        },
        capacity: () => ({ memoryBytes: 1, diskBytes: 1 })
      },
      { self, boot, targets: [TARGET], slots: 1 }
    )
    coordination.attach(desk, desk)
    return { coordination, desk }
  }

  #builder(node: MeshNode, mine: Coordination): WheelBuilder {
    return {
      build: () =>
        new Promise<BuildReport>((resolve) => {
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
