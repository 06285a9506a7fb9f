import { messageOf } from '../core/errors.ts'
import type { NodeId, ProjectName } from '../core/ids.ts'
import { OBSERVED_ARRIVES_MS, OBSERVER_SILENT_MS } from '../core/limits.ts'
import type { AbortOptions, Clock, Log, ObserverAnswer } from '../core/ports.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { OpenCalls } from './open-calls.ts'

/** How a node reaches the one that follows upstream. */
export interface ObserverWire {
  readonly self: NodeId
  /** That one, as far as is known; it may be this node. */
  observer(): NodeId | undefined
  /** Rejects when it says nothing in time. */
  ask(to: NodeId, project: ProjectName, options: AbortOptions): Promise<ObserverAnswer>
  /** It has signed entries that are not here yet. */
  lacks(node: NodeId): void
}

export interface ObserverLineParts {
  readonly state: MeshState
  readonly wire: ObserverWire
  readonly clock: Clock
  readonly log: Log
}

/** Between two looks for the record that the observer spoke of. */
const LOOK_MS = 25
/** Gossip brings a record sooner than this, or has lost it. */
const GOSSIP_MS = 500

/** Asks the observer of the mesh; one that says nothing is left alone for a while, also by those who wait in line. */
export class ObserverLine {
  readonly #parts: ObserverLineParts
  readonly #calls = new OpenCalls()
  #silent: { readonly node: NodeId; readonly untilMs: number } | undefined

  constructor(parts: ObserverLineParts) {
    this.#parts = parts
  }

  stop(): void {
    this.#calls.end()
  }

  /** Undefined: nobody answered. What was observed is in the ledger here when this returns. */
  ask(project: ProjectName): Promise<ObserverAnswer | undefined> {
    return this.#calls.run((signal) => this.#ask(project, signal))
  }

  async #ask(project: ProjectName, signal: AbortSignal): Promise<ObserverAnswer | undefined> {
    const { wire, clock, log } = this.#parts
    const observer = wire.observer()
    if (observer === undefined || observer === wire.self || this.#isSilent(observer)) return undefined
    try {
      const answer = await wire.ask(observer, project, { signal })
      if (answer.kind === 'elsewhere') return undefined
      const isHere =
        answer.kind !== 'observed' || (await this.#arrived(observer, project, answer.record, signal))
      return isHere ? answer : undefined
    } catch (error) {
      if (signal.aborted) return undefined
      log.debug('the observer of upstream says nothing', { observer, error: messageOf(error) })
      this.#silent = { node: observer, untilMs: clock.monotonicMs() + OBSERVER_SILENT_MS }
      this.#calls.abort(error)
      return undefined
    }
  }

  #isSilent(node: NodeId): boolean {
    const silent = this.#silent
    return silent?.node === node && this.#parts.clock.monotonicMs() < silent.untilMs
  }

  /** The record came, or something newer. */
  async #arrived(
    observer: NodeId,
    project: ProjectName,
    record: string,
    signal: AbortSignal
  ): Promise<boolean> {
    const { clock, state, wire } = this.#parts
    const before = state.observations.newest(project)?.recordId
    const isHere = (): boolean => {
      const newest = state.observations.newest(project)?.recordId
      return newest === record || newest !== before
    }
    let asked = false
    for (let waitedMs = 0; !isHere(); waitedMs += LOOK_MS) {
      if (waitedMs >= OBSERVED_ARRIVES_MS || signal.aborted) return false
      if (waitedMs >= GOSSIP_MS && !asked) wire.lacks(observer)
      asked = waitedMs >= GOSSIP_MS
      await clock.sleep(LOOK_MS)
    }
    return true
  }
}
