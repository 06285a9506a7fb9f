import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { meets, type Offer } from '../../src/core/capacity.ts'
import { backOffMs, judgeAttempts, type Attempt } from '../../src/core/retry.ts'
import { RUNS, attempts, limits, offers } from './queue-arbitraries.ts'
import { referenceVerdict } from './reference/attempts.ts'

describe('the attempts of a cell', () => {
  test('come to what the text says, after any sequence of them', () => {
    let open = 0
    let needy = 0
    fc.assert(
      fc.property(fc.array(attempts, { maxLength: 14 }), offers, (tried, offered) => {
        const state = judgeAttempts(tried, () => offered)
        const expected = referenceVerdict(tried, offered)
        expect(state.kind).toBe(expected.kind)
        if (state.kind === 'failed') {
          expect(state.attempts).toBe(expected.attempts)
          expect({ ...state.failure, reason: '' }).toEqual({ ...expected.by!.failure, reason: '' })
          expect(state.failure.reason).toContain(expected.reasonEnds)
          return
        }
        open++
        if (state.needs !== undefined) needy++
        expect(state.failures).toBe(expected.waits)
        const { memoryBytes, diskBytes, wallMs, packages } = state.needs ?? {}
        expect(state.needs && [memoryBytes, diskBytes, wallMs, packages?.join()]).toEqual(expected.needs)
      }),
      RUNS
    )
    // The drawing does reach the interesting endings.
    expect(open).toBeGreaterThan(100)
    expect(needy).toBeGreaterThan(30)
  })

  test('end: whoever meets the needs and fails again for want of more is asked only so often', () => {
    const huge: Offer = {
      limits: { memoryBytes: 1e15, diskBytes: 1e15, wallMs: 1e15 },
      packages: ['libjpeg-dev', 'zlib1g-dev']
    }
    fc.assert(
      fc.property(fc.array(attempts, { minLength: 40, maxLength: 40 }), (drawn) => {
        const lasting = drawn.filter(({ failure }) => failure.class !== 'infra')
        const tried: Attempt[] = []
        for (const attempt of lasting) {
          const state = judgeAttempts(tried, () => [huge])
          if (state.kind === 'failed') break
          tried.push(attempt)
        }
        // 4 transient, 9 resource, 2 for each of two packages, and the one that ends it.
        expect(tried.length).toBeLessThanOrEqual(18)
      })
    )
  })

  test('a node is offered a job again only when it has more than what was too little', () => {
    fc.assert(
      fc.property(limits, fc.constantFrom('out-of-memory', 'disk-limit', 'timeout'), (had, cause) => {
        const attempt: Attempt = { failure: { class: 'resource', cause, reason: '' }, limits: had }
        const same: Offer = { limits: had, packages: [] }
        const double: Offer = {
          limits: { memoryBytes: had.memoryBytes * 2, diskBytes: had.diskBytes * 2, wallMs: had.wallMs * 2 },
          packages: []
        }
        const state = judgeAttempts([attempt], () => [same, double])
        expect(state.kind === 'open' && state.needs !== undefined).toBe(true)
        if (state.kind !== 'open' || state.needs === undefined) return
        expect([meets(same, state.needs), meets(double, state.needs)]).toEqual([false, true])
        expect(judgeAttempts([attempt], () => [same]).kind).toBe('failed')
      })
    )
  })

  test('the back-off doubles from a minute to an hour and never leaves that', () => {
    expect([0, 1, 2, 3, 6, 7, 1e9].map(backOffMs)).toEqual([0, 60e3, 120e3, 240e3, 1_920e3, 3_600e3, 3_600e3])
  })
})
