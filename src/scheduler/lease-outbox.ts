import type { LeaseMessage } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { LeaseEffect } from './lease-types.ts'

/** What one step of a lease wants done, in order. */
export class Outbox {
  #effects: LeaseEffect[] = []

  send(to: NodeId, message: LeaseMessage): void {
    this.#effects.push({ kind: 'send', to, message })
  }

  push(effect: LeaseEffect): void {
    this.#effects.push(effect)
  }

  take(): readonly LeaseEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
