import type { CoordinationMessage, ShardId } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { Log } from '../core/ports.ts'
import type { LeaseEffect } from './lease-types.ts'
import type { WitnessMemory } from './lease-witness.ts'

/** What a witness must not forget, on disk. */
export interface WitnessStore {
  load(shard: ShardId): Promise<WitnessMemory | undefined>
  /** Synced before it resolves. */
  save(shard: ShardId, memory: WitnessMemory): Promise<void>
}

export interface EffectParts {
  readonly log: Log
  readonly witnesses: WitnessStore
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  /** It is on the disk. */
  onRemembered(shard: ShardId, memory: WitnessMemory): void
  /** This node was elected. */
  onElected(shard: ShardId): void
}

/** Carries out what leases decide, one effect after the other, so that nothing overtakes a write that must come first. */
export class EffectRunner {
  readonly #parts: EffectParts
  #turn: Promise<void> = Promise.resolve()

  constructor(parts: EffectParts) {
    this.#parts = parts
  }

  run(shard: ShardId, effects: readonly LeaseEffect[]): void {
    this.#turn = this.#turn
      .then(async () => {
        for (const effect of effects) await this.#carryOut(shard, effect)
      })
      .catch((error: unknown) => {
        // What a witness cannot remember it must not promise: the rest of this step stays unsaid.
        this.#parts.log.error('a promise as a witness could not be stored', {
          shard,
          error: messageOf(error)
        })
      })
  }

  /** Resolves when all that was decided so far is carried out. */
  idle(): Promise<void> {
    return this.#turn
  }

  async #carryOut(shard: ShardId, effect: LeaseEffect): Promise<void> {
    const { log, witnesses } = this.#parts
    switch (effect.kind) {
      case 'send':
        this.#parts.send(effect.to, effect.message)
        return
      case 'gossip':
        this.#parts.gossip(effect.message)
        return
      case 'remember':
        await witnesses.save(shard, effect.memory)
        this.#parts.onRemembered(shard, effect.memory)
        return
      case 'elected':
        log.info('this node coordinates', { shard, claims: effect.claims.length })
        this.#parts.onElected(shard)
        return
      case 'told':
        return
      case 'lost':
        log.info('this node coordinates no more', { shard })
        return
    }
  }
}
