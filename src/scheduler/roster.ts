import type { NodeId, TargetId } from '../core/ids.ts'
import type { PresenceBook } from './presence-book.ts'

/** Who is present is looked up again after this long: connections that ended and nodes that fell silent say nothing. */
const ROSTER_MS = 1_000

export interface RosterParts {
  readonly self: NodeId
  readonly presence: PresenceBook
  /** Members to which there is a connection now. */
  connected(): readonly NodeId[]
  isMember(node: NodeId): boolean
  /** Members that build for a target. */
  buildersOf(target: TargetId): readonly NodeId[]
}

interface Counted<T> {
  readonly value: T
  readonly untilMs: number
  /** Of the presence book, when it was looked up. */
  readonly version: number
}

/** Who is there and who builds for what, remembered for a moment: it is asked for at every message of a mesh of thousands. */
export class Roster {
  readonly #parts: RosterParts
  readonly #builders = new Map<TargetId, readonly NodeId[]>()
  readonly #served = new Map<TargetId, Counted<boolean>>()
  #present: Counted<readonly NodeId[]> | undefined

  constructor(parts: RosterParts) {
    this.#parts = parts
  }

  /** Members or what they build for changed. */
  membersChanged(): void {
    this.#builders.clear()
    this.#served.clear()
    this.#present = undefined
  }

  /** A connection came or went. */
  connectionsChanged(): void {
    this.#present = undefined
  }

  builders(target: TargetId): readonly NodeId[] {
    const known = this.#builders.get(target)
    if (known !== undefined) return known
    const builders = this.#parts.buildersOf(target)
    this.#builders.set(target, builders)
    return builders
  }

  /** This node, those connected and those heard of lately: members only, and not those that said goodbye. */
  present(nowMs: number): readonly NodeId[] {
    if (!this.#isFresh(this.#present, nowMs)) this.#present = this.#counted(this.#findPresent(nowMs), nowMs)
    return this.#present.value
  }

  /** Somebody who builds for the target is here, and not paused. */
  isServed(target: TargetId, nowMs: number): boolean {
    const known = this.#served.get(target)
    if (this.#isFresh(known, nowMs)) return known.value
    const served = this.builders(target).some((node) => this.#mayBuild(node, nowMs))
    this.#served.set(target, this.#counted(served, nowMs))
    return served
  }

  hasOtherBuilder(target: TargetId, builder: NodeId, nowMs: number): boolean {
    return this.builders(target).some((node) => node !== builder && this.#mayBuild(node, nowMs))
  }

  #findPresent(nowMs: number): readonly NodeId[] {
    const { self, presence } = this.#parts
    const here = new Set<NodeId>([self, ...this.#parts.connected(), ...presence.present(nowMs)])
    return [...here].filter((node) => this.#parts.isMember(node) && !presence.hasLeft(node))
  }

  #mayBuild(node: NodeId, nowMs: number): boolean {
    const { self, presence } = this.#parts
    return (node === self || presence.isPresent(node, nowMs)) && !presence.isPaused(node)
  }

  #isFresh<T>(known: Counted<T> | undefined, nowMs: number): known is Counted<T> {
    return known !== undefined && nowMs < known.untilMs && known.version === this.#parts.presence.version()
  }

  #counted<T>(value: T, nowMs: number): Counted<T> {
    return { value, untilMs: nowMs + ROSTER_MS, version: this.#parts.presence.version() }
  }
}
