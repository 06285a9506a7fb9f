import type { NodeId } from '../core/ids.ts'
import { BLOB_STEAL_FACTOR } from './gossip-limits.ts'

/** A piece that a holder was asked for and has not brought. */
interface Attempt {
  readonly index: number
  readonly takenMs: number
}

interface Holder {
  /** In the order in which they were asked for, which is the one in which they come. */
  readonly attempts: Attempt[]
  /** How long it took for its last piece; undefined before the first. */
  pieceMs: number | undefined
  arrivedMs: number
}

/**
 * Who fetches which piece: pure bookkeeping. Pieces go out in their order, so that the beginning is there first, unless somebody
 * waits for others. When none is
 * left, a holder that has nothing to do fetches again what a much slower one is expected to need long for; whichever comes
 * first counts.
 */
export class PieceBoard {
  /** Nobody was asked for these: those that are waited for, then the others; ascending. */
  readonly #open: number[]
  readonly #preferred = new Set<number>()
  readonly #missing: Set<number>
  readonly #holders = new Map<NodeId, Holder>()

  constructor(missing: readonly number[]) {
    this.#open = [...missing].sort((a, b) => a - b)
    this.#missing = new Set(missing)
  }

  /** Somebody waits for these pieces, and not for those before them. */
  prefer(pieces: Iterable<number>): void {
    for (const index of pieces) this.#preferred.add(index)
    this.#sort()
  }

  get isComplete(): boolean {
    return this.#missing.size === 0
  }

  /** The next piece for a holder; undefined: there is nothing for it now. */
  take(holder: NodeId, nowMs: number): number | undefined {
    return this.takeOpen(holder, nowMs) ?? this.#steal(holder, nowMs)
  }

  /** As {@link take}, but never a piece that somebody else was asked for. */
  takeOpen(holder: NodeId, nowMs: number): number | undefined {
    return this.#assign(holder, this.#open.shift(), nowMs)
  }

  /** The bytes of a piece are here; whether they are right is not known yet. */
  arrived(holder: NodeId, index: number, nowMs: number): void {
    const known = this.#holder(holder)
    const at = known.attempts.findIndex((attempt) => attempt.index === index)
    const [attempt] = at < 0 ? [] : known.attempts.splice(at, 1)
    if (attempt === undefined) return
    known.pieceMs = Math.max(1, nowMs - Math.max(attempt.takenMs, known.arrivedMs))
    known.arrivedMs = nowMs
  }

  /** A piece is kept. */
  kept(index: number): void {
    this.#missing.delete(index)
    for (const { attempts } of this.#holders.values()) removeWhere(attempts, (one) => one.index === index)
    removeWhere(this.#open, (one) => one === index)
  }

  /** What came was wrong, or could not be kept: somebody fetches it again. */
  again(index: number): void {
    const isAsked = [...this.#holders.values()].some(({ attempts }) =>
      attempts.some((one) => one.index === index)
    )
    if (!this.#missing.has(index) || isAsked || this.#open.includes(index)) return
    this.#open.push(index)
    this.#sort()
  }

  /** A holder is gone: what it was asked for is open again. */
  gone(holder: NodeId): void {
    const attempts = this.#holders.get(holder)?.attempts ?? []
    this.#holders.delete(holder)
    for (const { index } of attempts) this.again(index)
  }

  #sort(): void {
    const rank = (index: number): number => (this.#preferred.has(index) ? 0 : 1)
    this.#open.sort((a, b) => rank(a) - rank(b) || a - b)
  }

  #assign(holder: NodeId, index: number | undefined, nowMs: number): number | undefined {
    if (index !== undefined) this.#holder(holder).attempts.push({ index, takenMs: nowMs })
    return index
  }

  #steal(holder: NodeId, nowMs: number): number | undefined {
    const own = this.#holders.get(holder)?.pieceMs
    if (own === undefined) return undefined
    let worst: { readonly index: number; readonly leftMs: number } | undefined
    for (const [other, { attempts }] of this.#holders) {
      for (const [place, { index }] of attempts.entries()) {
        const leftMs = this.#leftMs(other, place, nowMs)
        const isNew = other !== holder && this.#askedOf(index) === 1
        if (isNew && leftMs > BLOB_STEAL_FACTOR * own && leftMs > (worst?.leftMs ?? 0))
          worst = { index, leftMs }
      }
    }
    return this.#assign(holder, worst?.index, nowMs)
  }

  /** How long a holder is expected to need yet; one that is overdue, as long again as it has needed. */
  #leftMs(holder: NodeId, place: number, nowMs: number): number {
    const { attempts, pieceMs = 0, arrivedMs } = this.#holder(holder)
    const sinceMs = nowMs - Math.max(arrivedMs, attempts[0]?.takenMs ?? nowMs)
    const firstMs = pieceMs > sinceMs ? pieceMs - sinceMs : sinceMs
    return firstMs + place * Math.max(pieceMs, firstMs)
  }

  #askedOf(index: number): number {
    let asked = 0
    for (const { attempts } of this.#holders.values())
      if (attempts.some((one) => one.index === index)) asked += 1
    return asked
  }

  #holder(holder: NodeId): Holder {
    const known = this.#holders.get(holder)
    if (known !== undefined) return known
    const fresh: Holder = { attempts: [], pieceMs: undefined, arrivedMs: 0 }
    this.#holders.set(holder, fresh)
    return fresh
  }
}

function removeWhere<T>(list: T[], isOut: (one: T) => boolean): void {
  const at = list.findIndex(isOut)
  if (at >= 0) list.splice(at, 1)
}
