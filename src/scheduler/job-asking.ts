import type { Capacity, CoordinationMessage, ShardId } from '../core/coordination.ts'
import { hash32 } from '../core/digest.ts'
import type { JobId, NodeId, TargetId } from '../core/ids.ts'
import { GRANT_FRESH_MS } from '../core/limits.ts'
import type { Random } from '../core/ports.ts'

/** After a "nothing for you": a little, and not all at once. */
const ASK_AGAIN_MS = 1_500
const ASK_JITTER_MS = 1_500
/** A question without an answer is put again, the same one: a grant takes four hops, and any of them may be lost. */
const ASK_REPEAT_MS = 1_000
/** With nothing to ask for, a builder looks again after this: a coordinator may be back, a claim have ended. */
const LOOK_AGAIN_MS = 1_000
/** New work is asked for after a random wait of so much a node: the first to ask have claimed it before most others would. */
const SPREAD_MS = 2

/** What a builder asks of coordination when it looks for work. */
export interface AskWorld {
  readonly random: Random
  shardsOf(target: TargetId): readonly ShardId[]
  holder(shard: ShardId): NodeId | undefined
  hasWork(shard: ShardId, mayTake: (job: JobId) => boolean): boolean
  /** Nodes present. */
  nodes(): number
  send(to: NodeId, message: CoordinationMessage): void
}

/** The world of somebody who has all of it but chance. */
export function askWorld(coordinators: Omit<AskWorld, 'random'>, random: Random): AskWorld {
  return {
    random,
    shardsOf: (target) => coordinators.shardsOf(target),
    holder: (shard) => coordinators.holder(shard),
    hasWork: (shard, mayTake) => coordinators.hasWork(shard, mayTake),
    nodes: () => coordinators.nodes(),
    send: (to, message) => {
      coordinators.send(to, message)
    }
  }
}

export interface AskOptions {
  readonly self: NodeId
  readonly boot: number
  /** In the cascade's order. */
  readonly targets: readonly TargetId[]
}

/** What goes into a request, as of now. */
export interface Asker {
  mayTake(job: JobId): boolean
  running(): readonly JobId[]
  capacity(): Capacity
}

export interface Question {
  readonly nonce: number
  readonly shard: ShardId
  readonly askedMs: number
}

interface OpenQuestion extends Question {
  readonly holder: NodeId
  toldMs: number
}

/** Asks coordinators for one job at a time: slice by slice in an order of its own, not again where there was nothing just now. */
export class JobAsking {
  readonly #world: AskWorld
  readonly #options: AskOptions
  readonly #asker: Asker
  /** Where this node begins among a target's slices, so that nodes begin at different ones. */
  readonly #turn: number
  readonly #restUntilMs = new Map<ShardId, number>()
  #question: OpenQuestion | undefined
  #lookMs = 0

  constructor(world: AskWorld, options: AskOptions, asker: Asker) {
    this.#world = world
    this.#options = options
    this.#asker = asker
    this.#turn = hash32(options.self)
  }

  /** A slot is free: puts the question again, gives it up, or looks for whom to ask. */
  tick(nowMs: number): void {
    const question = this.#question
    if (question === undefined) {
      if (nowMs >= this.#lookMs) this.look(nowMs)
    } else if (nowMs - question.askedMs > GRANT_FRESH_MS) {
      this.rest(question.shard, nowMs)
      this.look(nowMs)
    } else if (nowMs - question.toldMs >= ASK_REPEAT_MS) this.#put(question, nowMs)
  }

  /** Asks now, unless a question is open already. */
  look(nowMs: number): void {
    if (this.#question !== undefined) return
    this.#lookMs = nowMs + LOOK_AGAIN_MS
    for (const shard of this.#shards()) {
      const restMs = this.#restUntilMs.get(shard) ?? 0
      if (nowMs < restMs) {
        this.#lookMs = Math.min(this.#lookMs, restMs)
        continue
      }
      this.#restUntilMs.delete(shard)
      const holder = this.#world.holder(shard)
      if (holder === undefined || !this.#world.hasWork(shard, (job) => this.#asker.mayTake(job))) continue
      const nonce = Math.floor(this.#world.random.float() * 2 ** 32)
      this.#question = { nonce, shard, holder, askedMs: nowMs, toldMs: nowMs }
      this.#put(this.#question, nowMs)
      return
    }
  }

  /** The open question that this answers, which is open no more. */
  answered(nonce: number, shard: ShardId): Question | undefined {
    const question = this.#question
    if (question?.nonce !== nonce || question.shard !== shard) return undefined
    this.#question = undefined
    return question
  }

  /** There was nothing to have. */
  rest(shard: ShardId, nowMs: number): void {
    if (this.#question?.shard === shard) this.#question = undefined
    this.#restUntilMs.set(shard, nowMs + ASK_AGAIN_MS + this.#world.random.float() * ASK_JITTER_MS)
  }

  /** Work appeared: no rest is longer than what spreads the builders of the mesh. */
  workAppeared(nowMs: number): void {
    const soonMs = nowMs + this.#world.random.float() * this.#world.nodes() * SPREAD_MS
    for (const [shard, restMs] of this.#restUntilMs) this.#restUntilMs.set(shard, Math.min(restMs, soonMs))
    this.#lookMs = Math.min(this.#lookMs, soonMs)
  }

  /** Another coordinator is in office: what the former one was asked may never be answered. */
  newHolder(shard: ShardId): void {
    this.#restUntilMs.delete(shard)
    this.#lookMs = 0
    if (this.#question?.shard === shard && this.#question.holder !== this.#world.holder(shard))
      this.#question = undefined
  }

  #put(question: OpenQuestion, nowMs: number): void {
    question.toldMs = nowMs
    const { nonce, shard, holder } = question
    this.#world.send(holder, {
      kind: 'request',
      shard,
      nonce,
      boot: this.#options.boot,
      running: this.#asker.running(),
      capacity: this.#asker.capacity()
    })
  }

  *#shards(): Iterable<ShardId> {
    for (const target of this.#options.targets) {
      const shards = this.#world.shardsOf(target)
      for (let at = 0; at < shards.length; at++) {
        const shard = shards[(at + this.#turn) % shards.length]
        if (shard !== undefined) yield shard
      }
    }
  }
}
