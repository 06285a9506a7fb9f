import type { Clock } from '../../core/ports.ts'
import type { Entry } from '../../core/record.ts'
import type { NodeId } from '../../core/ids.ts'

/** One other node may be wrong as well. */
const MIN_AUTHORS = 2
const MAX_AUTHORS = 1_000

/**
 * How far this machine's clock is behind those of the other members, from the times in their results: what they finished cannot lie in
 * the future. It never says that a clock is ahead, because an entry may be old when it comes.
 */
export class PeerClocks {
  readonly #clock: Clock
  readonly #self: NodeId
  /** The time that an author told last, less this machine's monotonic one when it came. */
  readonly #offsets = new Map<NodeId, number>()

  constructor(clock: Clock, self: NodeId) {
    this.#clock = clock
    this.#self = self
  }

  heard({ node, records }: Pick<Entry, 'node' | 'records'>): void {
    if (node === this.#self) return
    const told = records.flatMap((record) =>
      record.kind === 'result' ? [record.startedMs + record.durationMs] : []
    )
    if (told.length === 0) return
    const [longestSilent] = this.#offsets.keys()
    if (!this.#offsets.delete(node) && this.#offsets.size >= MAX_AUTHORS && longestSilent !== undefined)
      this.#offsets.delete(longestSilent)
    this.#offsets.set(node, Math.max(...told) - this.#clock.monotonicMs())
  }

  /** What at least half of the others say, two at least; undefined: not enough of them said anything, or nobody is ahead. */
  behindMs(): number | undefined {
    const offsets = [...this.#offsets.values()].sort((a, b) => a - b)
    const middle = offsets[Math.floor((offsets.length - 1) / 2)]
    if (offsets.length < MIN_AUTHORS || middle === undefined) return undefined
    const behind = middle + this.#clock.monotonicMs() - this.#clock.wallMs()
    return behind > 0 ? behind : undefined
  }
}
