import fc from 'fast-check'
import type { Offer } from '../../src/core/capacity.ts'
import type { BuildLimits, Failure } from '../../src/core/record.ts'
import type { Attempt } from '../../src/core/retry.ts'

/* What the property tests of the queue's rules draw from. */

export const RUNS = { numRuns: 2_000 }
const amounts = fc.constantFrom(100, 125, 126, 156, 157, 200, 1_000)
export const limits: fc.Arbitrary<BuildLimits> = fc.record({
  memoryBytes: amounts,
  diskBytes: amounts,
  wallMs: amounts
})
const packageNames = fc.constantFrom('libjpeg-dev', 'zlib1g-dev')
const failures: fc.Arbitrary<Failure> = fc.oneof(
  fc.constantFrom<Failure>(
    { class: 'package', cause: 'compile-error', reason: 'p' },
    { class: 'transient', cause: 'network', reason: 't' },
    { class: 'infra', cause: 'disk-full', reason: 'i' },
    { class: 'missing-dependency', cause: 'missing-header', reason: 'm' },
    { class: 'resource', cause: 'wheel-too-large', reason: 'w' },
    { class: 'resource', cause: 'constructor', reason: 'hostile' }
  ),
  fc
    .constantFrom('out-of-memory', 'disk-limit', 'timeout')
    .map((cause) => ({ class: 'resource' as const, cause, reason: 'r' })),
  packageNames.map((missing) => ({
    class: 'missing-dependency' as const,
    cause: 'missing-header',
    reason: 'm',
    missing
  }))
)
/** With limits or without, as old records have none. */
export const attempts: fc.Arbitrary<Attempt> = fc.record({
  failure: failures,
  limits: fc.option(limits, { nil: undefined })
})
export const offers: fc.Arbitrary<readonly Offer[]> = fc.array(
  fc.record({
    limits: fc.option(limits, { nil: undefined }),
    packages: fc.subarray(['libjpeg-dev', 'zlib1g-dev'])
  }),
  { maxLength: 3 }
)
