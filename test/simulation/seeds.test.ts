import { afterAll, describe, expect, test } from 'vitest'
import { judge, startSeeds } from './judge-seeds.ts'
import { SEEDS_THAT_FAILED } from './seeds-that-failed.ts'

/*
 * Whole meshes in which everything goes wrong: docs/simulation.md. Always the same seeds, so that a failure is one of the change at
 * hand; COMMONWHEEL_SIM_FROM=N takes other ones, and `commonwheel sim --seeds 2000 --from N` many more.
 */

const FRESH = 60
/** All of them run at once, so that the last one waits for all others. */
const TIMEOUT_MS = 20 * 60_000

const from = Number(process.env['COMMONWHEEL_SIM_FROM'] ?? 1)
const fresh = Array.from({ length: FRESH }, (_, at) => from + at)
const known = SEEDS_THAT_FAILED.map(({ seed }) => seed)
const ending = new AbortController()
const outcomeOf = startSeeds([...new Set([...known, ...fresh])], ending.signal)

afterAll(() => {
  ending.abort(new Error('the tests are over'))
})

test('COMMONWHEEL_SIM_FROM is a seed', () => {
  expect(Number.isSafeInteger(from)).toBe(true)
})

describe('seeds that once failed', () => {
  test.for(SEEDS_THAT_FAILED)('seed $seed: $found', { timeout: TIMEOUT_MS }, async ({ seed }) => {
    await judge(await outcomeOf(seed))
  })
})

describe('fresh seeds', () => {
  test.for(fresh)('seed %i', { timeout: TIMEOUT_MS }, async (seed) => {
    await judge(await outcomeOf(seed))
  })
})
