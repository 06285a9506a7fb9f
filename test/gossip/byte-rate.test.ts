import { expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import type { Clock } from '../../src/core/ports.ts'
import { createByteRate, type ByteRate } from '../../src/gossip/byte-rate.ts'

const a = 'a' as NodeId
const b = 'b' as NodeId

/** A clock that jumps to whatever is slept for. */
function jumpingClock(): Clock {
  let nowMs = 0
  return {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms
    }
  }
}

async function sendFrom(peer: NodeId, rate: ByteRate, chunks: number, log: NodeId[]): Promise<void> {
  for (let i = 0; i < chunks; i++) {
    await rate.take(peer, rate.chunkBytes)
    log.push(peer)
  }
}

test.for([16_000, 500_000, 40_000_000])(
  'in the long run %s bytes a second pass, not more',
  async (perSecond) => {
    const clock = jumpingClock()
    const rate = createByteRate(clock, perSecond)
    const chunks = Math.ceil((10 * perSecond) / rate.chunkBytes)
    await Promise.all([sendFrom(a, rate, chunks / 2, []), sendFrom(b, rate, chunks / 2, [])])
    expect(clock.monotonicMs()).toBeGreaterThan(9_500)
    expect(clock.monotonicMs()).toBeLessThan(10_500)
  }
)

test('peers share alike, however many streams each has', async () => {
  const clock = jumpingClock()
  const rate = createByteRate(clock, 100_000)
  const log: NodeId[] = []
  await Promise.all([
    ...Array.from({ length: 9 }, () => sendFrom(a, rate, 10, log)),
    sendFrom(b, rate, 20, log)
  ])
  // while b sends, every other chunk is b's
  const untilBEnds = log.slice(0, log.lastIndexOf(b) + 1)
  expect(untilBEnds.filter((peer) => peer === a).length).toBeLessThanOrEqual(30)
  expect(log.length).toBe(110)
})

test('a question larger than the bucket waits until it is paid for', async () => {
  const clock = jumpingClock()
  const rate = createByteRate(clock, 1_000)
  await rate.take(a, 5_000)
  await rate.take(a, 1)
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(3_900)
})

test('no cap: nothing waits, and whole pieces are asked for', async () => {
  const clock = jumpingClock()
  const rate = createByteRate(clock, 0)
  for (let i = 0; i < 1_000; i++) await rate.take(a, 1_000_000_000)
  expect(clock.monotonicMs()).toBe(0)
  expect(rate.askBytes).toBe(4 * 1024 * 1024)
})

test('nobody keeps streams that share the lowest cap waiting for as long as the other side is patient', () => {
  const rate = createByteRate(jumpingClock(), 16_000)
  // 32 streams that are served, 12 that are fetched, each waiting for all others
  expect((32 * rate.chunkBytes) / 16_000).toBeLessThan(15)
  expect((12 * rate.askBytes) / 16_000).toBeLessThan(30)
})
