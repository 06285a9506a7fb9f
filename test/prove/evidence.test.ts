import { expect, test } from 'vitest'
import { runsOf } from '../../scripts/prove-coordination/evidence.ts'
import type { BuildEvent } from '../support/fake-builder.ts'

const line = (atMs: number, pid: number, event: BuildEvent['event'], job: string): BuildEvent => ({
  atMs,
  pid,
  event,
  job
})

test('a build that its process did not end stays without an end, also when the same node builds the job again', () => {
  const book = [
    line(1, 7, 'begun', 'j'),
    line(5, 8, 'begun', 'j'),
    line(9, 8, 'built', 'j'),
    line(10, 8, 'begun', 'k'),
    line(11, 8, 'aborted', 'k')
  ]
  expect(runsOf('a', book)).toEqual([
    { job: 'j', node: 'a', begunMs: 5, endedMs: 9, end: 'built' },
    { job: 'k', node: 'a', begunMs: 10, endedMs: 11, end: 'aborted' },
    { job: 'j', node: 'a', begunMs: 1 }
  ])
})

test('two builds of one job in one process are two', () => {
  const book = [
    line(1, 7, 'begun', 'j'),
    line(2, 7, 'aborted', 'j'),
    line(3, 7, 'begun', 'j'),
    line(4, 7, 'failed', 'j')
  ]
  expect(runsOf('a', book).map(({ begunMs, end }) => [begunMs, end])).toEqual([
    [1, 'aborted'],
    [3, 'failed']
  ])
})
