import type { Clock } from '../core/ports.ts'
import {
  ALL_STRANGERS_BURST,
  ALL_STRANGERS_PER_SECOND,
  MAX_REMEMBERED_STRANGERS,
  STRANGER_BURST,
  STRANGER_PER_SECOND
} from './gossip-limits.ts'

export interface RateLimitOptions {
  readonly burst: number
  readonly perSecond: number
}

/** A token bucket for one party. */
interface Bucket {
  tokens: number
  atMs: number
}

export interface RateLimit {
  /** Takes one allowance of `key` and one of all together; false when either is used up. */
  take(key: string): boolean
}

/**
 * Allowances per key and for all keys together. Remembers at most `maxKeys`: when a new one does not fit, the one that
 * was quiet for longest is forgotten, and so starts afresh; the common allowance is what bounds a crowd.
 */
export function createRateLimit(
  clock: Clock,
  options: { readonly each: RateLimitOptions; readonly all: RateLimitOptions; readonly maxKeys: number }
): RateLimit {
  const buckets = new Map<string, Bucket>()
  const common: Bucket = { tokens: options.all.burst, atMs: clock.monotonicMs() }

  function bucketOf(key: string, nowMs: number): Bucket {
    const bucket = buckets.get(key) ?? { tokens: options.each.burst, atMs: nowMs }
    // insertion order is order of use: the first key is the one quiet for longest
    buckets.delete(key)
    buckets.set(key, bucket)
    if (buckets.size > options.maxKeys) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest)
        break
      }
    }
    return bucket
  }

  return {
    take(key) {
      const nowMs = clock.monotonicMs()
      const own = bucketOf(key, nowMs)
      refill(own, options.each, nowMs)
      refill(common, options.all, nowMs)
      if (own.tokens < 1 || common.tokens < 1) return false
      own.tokens -= 1
      common.tokens -= 1
      return true
    }
  }
}

function refill(bucket: Bucket, { burst, perSecond }: RateLimitOptions, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
  bucket.atMs = nowMs
}

/** What all strangers together, and each of them, may ask at the door. */
export function createStrangerLimit(clock: Clock): RateLimit {
  return createRateLimit(clock, {
    each: { burst: STRANGER_BURST, perSecond: STRANGER_PER_SECOND },
    all: { burst: ALL_STRANGERS_BURST, perSecond: ALL_STRANGERS_PER_SECOND },
    maxKeys: MAX_REMEMBERED_STRANGERS
  })
}
