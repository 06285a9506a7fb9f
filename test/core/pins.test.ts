import { expect, test } from 'vitest'
import { MAX_PINS_BYTES } from '../../src/core/limits.ts'
import { pinsOfResults, pinsToTell } from '../../src/core/pins.ts'
import type { FailureClass, ResultRecord } from '../../src/core/record.ts'
import { aResult } from '../support/make-record.ts'

const whole = aResult({})

function result(startedMs: number, pin: string, failureClass?: FailureClass): ResultRecord {
  const { wheel, ...rest } = whole
  const failure = failureClass && { failure: { class: failureClass, cause: 'x', reason: 'y' } }
  return {
    ...rest,
    ...(failure ?? (wheel && { wheel })),
    startedMs,
    environment: { ...whole.environment, requirements: [pin] }
  }
}

test('the newest wheel lends its requirements, in whatever order the results come', () => {
  expect(pinsOfResults([result(2, 'new'), result(1, 'old')])).toEqual(['new'])
  expect(pinsOfResults([result(1, 'old'), result(2, 'new')])).toEqual(['new'])
})

test.for<[FailureClass, boolean]>([
  ['infra', true],
  ['transient', true],
  ['resource', true],
  ['package', false],
  ['missing-dependency', false]
])('a failure of class %s lends them: %s', ([failureClass, lends]) => {
  expect(pinsOfResults([result(1, 'old'), result(2, 'failed', failureClass)])).toEqual([
    lends ? 'failed' : 'old'
  ])
  expect(pinsOfResults([result(2, 'failed', failureClass)])).toEqual(lends ? ['failed'] : undefined)
})

test('what says nothing, and a wheel that is another target’s with other tags, lends nothing', () => {
  const silent = { ...result(3, ''), environment: { ...whole.environment, requirements: [] } }
  const retagged = { ...result(4, 'other'), builtAs: whole.job }
  expect(pinsOfResults([silent, retagged])).toBeUndefined()
  expect(pinsOfResults([])).toBeUndefined()
})

test('what is too much for a message is left out whole', () => {
  expect(pinsToTell([])).toBeUndefined()
  expect(pinsToTell(['x'.repeat(MAX_PINS_BYTES)])).toHaveLength(1)
  expect(pinsToTell(['x'.repeat(MAX_PINS_BYTES), 'y'])).toBeUndefined()
})
