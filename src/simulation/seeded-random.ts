import { hash32 } from '../core/digest.ts'
import type { Random } from '../core/ports.ts'

/** The same numbers for the same seed (mulberry32), so that a run can be repeated. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const float = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { float, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(float() * 256)) }
}

/** Draws for one purpose: what one part of a run draws does not shift what another one gets. */
export class Dice {
  readonly random: Random

  constructor(seed: number, purpose: string) {
    this.random = seededRandom(hash32(`${seed} ${purpose}`))
  }

  chance(probability: number): boolean {
    return this.random.float() < probability
  }

  between(low: number, high: number): number {
    return low + this.random.float() * (high - low)
  }

  /** Whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1))
  }

  /** Exponential: most are short, a few are long. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.random.float())
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.random.float() * items.length)]
  }

  /** `count` of the items, in a new order. */
  some<T>(items: readonly T[], count: number): readonly T[] {
    const left = [...items]
    const taken: T[] = []
    while (taken.length < count && left.length > 0) {
      taken.push(...left.splice(Math.floor(this.random.float() * left.length), 1))
    }
    return taken
  }
}
