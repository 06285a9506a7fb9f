import { expect, test } from 'vitest'
import { ReadBuffers } from '../../src/core/read-buffers.ts'

test('memory that is out is nobody else’s; what came back is used again', () => {
  const buffers = new ReadBuffers({ bytes: 8, maxKept: 2 })
  const one = buffers.take()
  const two = buffers.take()
  expect(one.buffer).not.toBe(two.buffer)
  buffers.give(one.subarray(2, 5))
  const again = buffers.take()
  expect(again.buffer).toBe(one.buffer)
  expect(again).toHaveLength(8)
  expect(buffers.take().buffer).not.toBe(two.buffer)
})

test('given twice it is not lent twice, and memory from elsewhere is never lent', () => {
  const buffers = new ReadBuffers({ bytes: 8, maxKept: 4 })
  const one = buffers.take()
  buffers.give(one)
  buffers.give(one)
  const foreign = new Uint8Array(8)
  buffers.give(foreign)
  const lent = [buffers.take(), buffers.take(), buffers.take()].map(({ buffer }) => buffer)
  expect(new Set(lent).size).toBe(3)
  expect(lent).not.toContain(foreign.buffer)
})

test('no more is kept than may be', () => {
  const buffers = new ReadBuffers({ bytes: 8, maxKept: 2 })
  const taken = [buffers.take(), buffers.take(), buffers.take()]
  for (const buffer of taken) buffers.give(buffer)
  const known = new Set(taken.map(({ buffer }) => buffer))
  const next = [buffers.take(), buffers.take(), buffers.take()]
  expect(next.filter(({ buffer }) => known.has(buffer))).toHaveLength(2)
})
