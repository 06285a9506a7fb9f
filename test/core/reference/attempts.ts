import type { Offer } from '../../../src/core/capacity.ts'
import type { Attempt } from '../../../src/core/retry.ts'

/* docs/protocol/queue.md#failures, once more and naively. Numbers are written out on purpose. */

export interface ReferenceVerdict {
  readonly kind: 'open' | 'failed'
  readonly attempts?: number
  /** The attempt whose failure is told. */
  readonly by?: Attempt
  readonly reasonEnds?: string
  readonly waits?: number
  /** Memory, disk, time, packages. */
  readonly needs?: readonly (number | string)[]
}

const FIELD = { 'out-of-memory': 'memoryBytes', 'disk-limit': 'diskBytes', timeout: 'wallMs' } as const

export function referenceVerdict(attempts: readonly Attempt[], offers: readonly Offer[]): ReferenceVerdict {
  if (attempts.length === 0) return { kind: 'open', waits: 0 }
  const failed = (by: Attempt, reasonEnds = ''): ReferenceVerdict => ({
    kind: 'failed',
    attempts: attempts.length,
    by,
    reasonEnds
  })
  const last = attempts[attempts.length - 1]!
  // 1
  if (isFinal(last)) return failed(last)
  // 2
  const ending = tooMany(attempts)
  if (ending !== undefined) return failed(ending)
  // 3
  const wanting = attempts.filter((one) => !isFinal(one) && !mayPass(one))
  const needs = ['memoryBytes', 'diskBytes', 'wallMs'].map((field) => mostOf(wanting, field))
  const packages = new Set(wanting.flatMap(({ failure }) => failure.missing ?? []))
  const meets = ({ limits, packages: has }: Offer): boolean =>
    [limits?.memoryBytes, limits?.diskBytes, limits?.wallMs].every(
      (amount = 0, at) => amount >= needs[at]!
    ) && [...packages].every((name) => has.includes(name))
  if (wanting.length > 0 && !offers.some(meets)) {
    const by = wanting.at(-1)!
    const what = by.failure.class === 'resource' ? 'offers more than' : 'has what it needs'
    return failed(by, `no node of the mesh ${what}`)
  }
  // 4
  return {
    kind: 'open',
    waits: mayPass(last) ? attempts.filter(mayPass).length : 0,
    ...(wanting.length > 0 && { needs: [...needs, [...packages].sort().join()] })
  }
}

function tooMany(attempts: readonly Attempt[]): Attempt | undefined {
  const ofClass = (name: string): readonly Attempt[] => attempts.filter((one) => one.failure.class === name)
  if (ofClass('transient').length >= 5) return ofClass('transient').at(-1)
  if (ofClass('resource').length >= 10) return ofClass('resource').at(-1)
  for (const { failure } of attempts) {
    const same = attempts.filter((one) => one.failure.missing === failure.missing)
    if (failure.missing !== undefined && same.length >= 3) return same.at(-1)
  }
  return undefined
}

function mostOf(wanting: readonly Attempt[], field: string): number {
  let most = 0
  for (const { failure, limits } of wanting) {
    if (failure.class !== 'resource' || limits === undefined) continue
    const own = FIELD[failure.cause as keyof typeof FIELD]
    if (own === field) most = Math.max(most, Math.ceil(limits[own] * 1.25))
  }
  return most
}

function mayPass({ failure }: Attempt): boolean {
  return failure.class === 'transient' || failure.class === 'infra'
}

function isFinal(attempt: Attempt): boolean {
  const { failure, limits } = attempt
  switch (failure.class) {
    case 'package':
      return true
    case 'missing-dependency':
      return failure.missing === undefined
    case 'resource':
      return limits === undefined || !Object.keys(FIELD).includes(failure.cause)
    case 'transient':
    case 'infra':
      return false
  }
}
