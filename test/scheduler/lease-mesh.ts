import type { ClaimNote, LeaseMessage, View } from '../../src/core/coordination.ts'
import type { NodeId } from '../../src/core/ids.ts'
import { Lease } from '../../src/scheduler/lease.ts'
import type { LeaseEffect, LeaseRefusal, WitnessMemory } from '../../src/scheduler/lease-types.ts'
import { SOUND_RULES, type ProtocolRules } from '../../src/scheduler/protocol-rules.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { TARGET } from './mesh.ts'

const TICK_MS = 250

interface Timed {
  readonly atMs: number
  readonly order: number
  run(): void
}

export interface LeaseNode {
  readonly id: NodeId
  lease: Lease
  up: boolean
  pausedUntilMs: number
  /** Its effects are carried out one after the other: the last one is done by then. */
  busyUntilMs: number
  readonly claims: ClaimNote[]
  /** Claims that it was given with its last election, or told of right after it. */
  elected: readonly ClaimNote[]
  memory: WitnessMemory | undefined
}

export interface LeaseMeshOptions {
  readonly nodes: number
  readonly seed?: number
  /** Of the first view; all nodes unless given. */
  readonly witnesses?: number
  readonly loss?: number
  /** A synced write takes up to this long. */
  readonly diskMs?: number
  readonly rules?: ProtocolRules
  /** False loses a message. */
  readonly reaches?: (from: NodeId, to: NodeId, message: LeaseMessage) => boolean
}

/** Leases alone, of one shard, on a virtual clock: a network that delays and loses, and disks that take their time. */
export class LeaseMesh {
  nowMs = 0
  readonly nodes: LeaseNode[] = []
  readonly refusals: (LeaseRefusal & { readonly by: NodeId; readonly from: NodeId })[] = []
  readonly sent: { readonly from: NodeId; readonly to: NodeId; readonly message: LeaseMessage }[] = []
  readonly #options: LeaseMeshOptions
  readonly #firstView: View
  readonly #random: () => number
  #queue: Timed[] = []
  #order = 0
  reaches: NonNullable<LeaseMeshOptions['reaches']>

  constructor(options: LeaseMeshOptions) {
    this.#options = options
    this.reaches = options.reaches ?? (() => true)
    const random = seededRandom(options.seed ?? 1)
    this.#random = () => random.float()
    const ids = Array.from({ length: options.nodes }, (_, i) => nodeName(i))
    this.#firstView = { epoch: 0, witnesses: ids.slice(0, options.witnesses ?? Math.min(5, options.nodes)) }
    for (const id of ids) {
      const node = { id, up: true, pausedUntilMs: 0, busyUntilMs: 0, claims: [], elected: [] }
      this.nodes.push({ ...node, lease: undefined as never, memory: undefined })
    }
    for (const node of this.nodes) this.boot(node)
  }

  boot(node: LeaseNode): void {
    node.up = true
    node.busyUntilMs = this.nowMs
    const lease = new Lease(
      {
        shard: TARGET,
        self: node.id,
        present: () => this.nodes.filter(({ up }) => up).map(({ id }) => id),
        wasAdmitted: (one) => one.startsWith('node-'),
        claims: () => node.claims
      },
      { firstView: this.#firstView, memory: node.memory, nowMs: this.nowMs },
      this.#options.rules ?? SOUND_RULES
    )
    node.lease = lease
    const tick = (): void => {
      if (node.lease !== lease || !node.up) return
      this.#whenAwake(node, lease, () => {
        this.#carryOut(node, lease, lease.tick(this.nowMs))
      })
      this.at(TICK_MS, tick)
    }
    this.at(this.#random() * TICK_MS, tick)
  }

  kill(node: LeaseNode): void {
    node.up = false
  }

  /** Says goodbye and is gone as soon as that is said. */
  stop(node: LeaseNode): void {
    this.#carryOut(node, node.lease, node.lease.handOver(this.nowMs))
    this.at(1, () => {
      this.kill(node)
    })
  }

  holders(): readonly LeaseNode[] {
    return this.nodes.filter(
      (node) => node.up && node.pausedUntilMs <= this.nowMs && node.lease.hasAuthority(this.nowMs)
    )
  }

  holder(): LeaseNode {
    const [holder] = this.holders()
    if (holder === undefined) throw new Error(`nobody holds at ${this.nowMs} ms`)
    return holder
  }

  node(id: NodeId): LeaseNode {
    return this.nodes.find((node) => node.id === id)!
  }

  at(inMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + inMs, order: this.#order++, run })
  }

  /** A message as if `from` had sent it, now. */
  say(from: NodeId, to: NodeId, message: LeaseMessage, gossiped = false): LeaseRefusal | undefined {
    const node = this.node(to)
    const { effects, refusal } = node.lease.receive(from, message, { nowMs: this.nowMs, gossiped })
    this.#carryOut(node, node.lease, effects)
    return refusal
  }

  run(forMs: number, until: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs
    while (!until()) {
      const next = this.#takeNext(endMs)
      if (next === undefined) {
        this.nowMs = endMs
        return until()
      }
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
    return true
  }

  #takeNext(endMs: number): Timed | undefined {
    let best: Timed | undefined
    for (const one of this.#queue)
      if (best === undefined || one.atMs < best.atMs || (one.atMs === best.atMs && one.order < best.order))
        best = one
    if (best === undefined || best.atMs > endMs) return undefined
    this.#queue.splice(this.#queue.indexOf(best), 1)
    return best
  }

  #whenAwake(node: LeaseNode, lease: Lease, run: () => void): void {
    if (node.lease !== lease || !node.up) return
    if (node.pausedUntilMs <= this.nowMs) run()
    else
      this.at(node.pausedUntilMs - this.nowMs, () => {
        this.#whenAwake(node, lease, run)
      })
  }

  /** In order, and nothing before the writes that were asked for earlier. */
  #carryOut(node: LeaseNode, lease: Lease, effects: readonly LeaseEffect[]): void {
    for (const effect of effects) {
      const diskMs = effect.kind === 'remember' ? this.#random() * (this.#options.diskMs ?? 0) : 0
      node.busyUntilMs = Math.max(node.busyUntilMs, this.nowMs) + diskMs
      this.at(node.busyUntilMs - this.nowMs, () => {
        this.#whenAwake(node, lease, () => {
          this.#effect(node, lease, effect)
        })
      })
    }
  }

  #effect(node: LeaseNode, lease: Lease, effect: LeaseEffect): void {
    if (effect.kind === 'send') this.#deliver(node.id, effect.to, effect.message, false)
    else if (effect.kind === 'gossip') {
      for (const { id } of this.nodes) if (id !== node.id) this.#deliver(node.id, id, effect.message, true)
    } else if (effect.kind === 'elected') node.elected = effect.claims
    else if (effect.kind === 'told') node.elected = [...node.elected, ...effect.claims]
    else if (effect.kind === 'remember') {
      node.memory = effect.memory
      lease.remembered(effect.memory)
    }
  }

  #deliver(from: NodeId, to: NodeId, message: LeaseMessage, gossiped: boolean): void {
    this.sent.push({ from, to, message })
    if (from !== to && (!this.reaches(from, to, message) || this.#random() < (this.#options.loss ?? 0)))
      return
    const node = this.node(to)
    const { lease } = node
    this.at(from === to ? 0 : 5 + this.#random() * 60, () => {
      // A connection ends with its process.
      this.#whenAwake(node, lease, () => {
        const outcome = lease.receive(from, message, { nowMs: this.nowMs, gossiped })
        if (outcome.refusal !== undefined) this.refusals.push({ ...outcome.refusal, by: to, from })
        this.#carryOut(node, lease, outcome.effects)
      })
    })
  }
}

export function nodeName(index: number): NodeId {
  return `node-${String(index).padStart(2, '0')}` as NodeId
}
