import { compareViews, type View } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PREPARE_MS } from './lease-campaign.ts'
import { carriedClaims } from './lease-claims.ts'
import type { Outbox } from './lease-outbox.ts'
import type { LeaseClaim, LeaseRule, LeaseWorld, Message, WitnessMemory } from './lease-types.ts'
import type { Witness } from './lease-witness.ts'

/** A prepare that came before the hand-over that allows it. */
interface Parked {
  readonly prepare: Message<'prepare'>
  readonly sinceMs: number
}

/** The speaking part of a witness: it answers, and has what it promised stored first (rule W5). */
export class WitnessDesk {
  readonly #world: LeaseWorld
  readonly #witness: Witness
  readonly #outbox: Outbox
  #stored: WitnessMemory | undefined
  #parked: Parked | undefined

  constructor(world: LeaseWorld, witness: Witness, outbox: Outbox) {
    this.#world = world
    this.#witness = witness
    this.#outbox = outbox
  }

  /** This memory is on the disk. Until then every answer asks for it again: an answer without it must not leave. */
  remembered(memory: WitnessMemory): void {
    this.#stored = memory
  }

  /** Of the holder, sent to this node as its witness. */
  onBeat(claim: LeaseClaim, seq: number, nowMs: number): LeaseRule | undefined {
    const { fence } = claim
    if (this.#witness.mayAcknowledge(claim, nowMs)) {
      this.#bind(claim, nowMs)
      this.#outbox.send(fence.holder, { kind: 'ack', shard: this.#world.shard, fence, seq })
      return undefined
    }
    if (compareFences(fence, this.#witness.highest()) >= 0) return 'promised-to-another'
    this.nack(fence.holder, this.#witness.highest())
    return 'stale-fence'
  }

  /** `office`: the fence under which this node holds itself. */
  onPreVote(from: NodeId, { round }: Message<'pre-vote'>, office: Fence | undefined, nowMs: number): void {
    const holding = office !== undefined
    const heard = office ?? this.#witness.heard()
    this.#outbox.send(from, {
      kind: 'pre-vote-answer',
      shard: this.#world.shard,
      round,
      recent: holding || this.#witness.heardAnother(from, nowMs),
      silent: !holding && this.#witness.isSilent(nowMs),
      ...(heard === undefined ? {} : { heard }),
      ...this.#witness.state()
    })
  }

  onPrepare(prepare: Message<'prepare'>, nowMs: number): LeaseRule | undefined {
    const { fence, shard } = prepare
    const rule = this.#witness.judgePrepare(prepare, nowMs)
    if (rule !== undefined) {
      if (rule === 'promised-to-another' || rule === 'holder-alive') this.#park(prepare, nowMs)
      const highest = this.#witness.highest()
      this.#outbox.send(fence.holder, { kind: 'refuse', shard, fence, highest, ...this.#witness.state() })
      return rule
    }
    this.#bind(prepare, nowMs)
    const { claims } = carriedClaims(this.#world.claims())
    this.#outbox.send(fence.holder, { kind: 'promise', shard, fence, claims })
    return undefined
  }

  /** Released: the one whom the holder named may have asked already. */
  onHandOver(from: NodeId, { fence, to }: Message<'hand-over'>, nowMs: number): LeaseRule | undefined {
    const rule = this.#witness.release(from, fence, nowMs)
    const parked = this.#parked
    if (rule !== undefined || parked === undefined) return rule
    this.#parked = undefined
    if (parked.prepare.fence.holder === to && nowMs - parked.sinceMs < PREPARE_MS) {
      this.onPrepare(parked.prepare, nowMs)
    }
    return undefined
  }

  /** There is a higher fence than yours. */
  nack(to: NodeId, highest: Fence): void {
    const { shard } = this.#world
    this.#outbox.send(to, { kind: 'nack', shard, highest, ...this.#witness.state() })
  }

  #park(prepare: Message<'prepare'>, nowMs: number): void {
    this.#parked = { prepare, sinceMs: nowMs }
  }

  #bind(claim: LeaseClaim, nowMs: number): void {
    this.#witness.promise(claim, nowMs)
    const memory = this.#witness.memory()
    if (!isSame(memory, this.#stored)) this.#outbox.push({ kind: 'remember', memory })
  }
}

function isSame(memory: WitnessMemory, stored: WitnessMemory | undefined): boolean {
  if (stored === undefined || compareFences(memory.highest, stored.highest) !== 0) return false
  return compareViews(memory.view, stored.view) === 0 && isSameView(memory.next, stored.next)
}

function isSameView(a: View | undefined, b: View | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareViews(a, b) === 0
}
