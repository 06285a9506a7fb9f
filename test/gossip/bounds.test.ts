import { expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import { createAddressBook } from '../../src/gossip/address-book.ts'
import { createBackground } from '../../src/gossip/background.ts'
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_KNOWN_PEERS,
  REDIAL_MAX_MS,
  REFUSED_WAIT_MS
} from '../../src/gossip/gossip-limits.ts'
import { createLoop } from '../../src/gossip/loop.ts'
import { createRateLimit } from '../../src/gossip/rate-limit.ts'
import { createSlots } from '../../src/gossip/slots.ts'
import { protocolId, topicId } from '../../src/gossip/topics.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'
import { MESH_ID } from './fake-ledger.ts'

const ada = 'ada' as NodeId
const MIDDLE = { float: () => 0.5, bytes: (length: number) => new Uint8Array(length) }

test('an allowance is used up and comes back with time', async () => {
  const clock = new FakeClock()
  const limit = createRateLimit(clock, {
    each: { burst: 2, perSecond: 1 },
    all: { burst: 100, perSecond: 100 },
    maxKeys: 10
  })
  expect([limit.take('a'), limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([
    true,
    true,
    false,
    true
  ])
  await clock.advance(1000)
  expect([limit.take('a'), limit.take('a')]).toEqual([true, false])
})

test('a crowd of new names shares one allowance', () => {
  const clock = new FakeClock()
  const limit = createRateLimit(clock, {
    each: { burst: 2, perSecond: 1 },
    all: { burst: 5, perSecond: 1 },
    maxKeys: 3
  })
  const taken = Array.from({ length: 50 }, (_, i) => limit.take(`stranger ${i}`))
  expect(taken.filter(Boolean)).toHaveLength(5)
})

test('a peer that fails is dialled ever more rarely, up to a limit', () => {
  const book = createAddressBook()
  book.learn(ada, ['/ip4/127.0.0.1/tcp/1'])
  const waits = Array.from({ length: 12 }, () => {
    book.failed(ada, 0, 0.5)
    for (let ms = 0; ; ms += 500) if (book.due(ms).length > 0) return ms
  })
  expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000])
  expect(Math.max(...waits)).toBe(REDIAL_MAX_MS)
})

test('success, refusal and news about a peer change when it is due', () => {
  const book = createAddressBook()
  book.learn(ada, ['/ip4/127.0.0.1/tcp/1'])
  book.failed(ada, 0, 0.5)
  book.succeeded(ada, 0)
  expect(book.due(1000).map(({ failures }) => failures)).toEqual([0])
  book.refused(ada, 1000)
  expect([book.due(REFUSED_WAIT_MS).length, book.due(1000 + REFUSED_WAIT_MS).length]).toEqual([0, 1])
  book.refused(ada, 1000)
  expect(book.learn(ada, ['/ip4/127.0.0.1/tcp/1'])).toBe(false)
  expect(book.learn(ada, ['/ip4/127.0.0.1/tcp/2'])).toBe(true)
  expect(book.due(1000)).toHaveLength(1)
})

test('the address book has room for so many peers, and so many addresses of each', () => {
  const book = createAddressBook()
  book.learn(
    ada,
    Array.from({ length: 40 }, (_, i) => `/ip4/127.0.0.1/tcp/${i + 1}`)
  )
  expect(book.addressesOf(ada)).toHaveLength(MAX_ADDRESSES_PER_PEER)
  book.failed(ada, 0, 0)
  for (let i = 0; i < MAX_KNOWN_PEERS; i++) book.learn(`peer ${i}` as NodeId, ['/ip4/127.0.0.1/tcp/1'])
  expect(book.due(Infinity)).toHaveLength(MAX_KNOWN_PEERS)
  expect(book.addressesOf(ada)).toEqual([])
})

test('a loop waits, can be woken, survives a failing step, and stops', async () => {
  const clock = new FakeClock()
  let steps = 0
  const loop = createLoop(
    { clock, random: MIDDLE, log: silentLog },
    {
      name: 'test',
      periodMs: 1000,
      step: async () => {
        steps += 1
        if (steps === 1) throw new Error('first time unlucky')
      }
    }
  )
  loop.start()
  await clock.advance(0)
  await clock.advance(1000)
  expect(steps).toBe(2)
  loop.wake()
  await clock.advance(1)
  expect(steps).toBe(3)
  await loop.stop()
  await clock.advance(10_000)
  expect(steps).toBe(3)
})

test('a loop woken during its step steps again at once', async () => {
  const clock = new FakeClock()
  let steps = 0
  const loop = createLoop(
    { clock, random: MIDDLE, log: silentLog },
    {
      name: 'test',
      periodMs: 1000,
      step: async () => {
        steps += 1
        if (steps === 1) loop.wake()
      }
    }
  )
  loop.start()
  await clock.advance(1)
  expect(steps).toBe(2)
  await loop.stop()
})

test('slots let so many run, and the others in the order they came', async () => {
  const slots = createSlots(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const tasks = [0, 1, 2, 3].map((n) =>
    slots.run(async () => {
      begun.push(n)
      await new Promise<void>((resolve) => ends.push(resolve))
    })
  )
  await new Promise(setImmediate)
  expect(begun).toEqual([0, 1])
  ends[0]?.()
  await tasks[0]
  await new Promise(setImmediate)
  expect(begun).toEqual([0, 1, 2])
  ends[1]?.()
  ends[2]?.()
  await tasks[2]
  await new Promise(setImmediate)
  ends[3]?.()
  await Promise.all(tasks)
  expect(begun).toEqual([0, 1, 2, 3])
})

test('background work is ended and waited for', async () => {
  const background = createBackground(silentLog)
  const log: string[] = []
  background.run('waits', async (signal) => {
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
    log.push('ended')
  })
  background.run('fails', async () => {
    throw new Error('nobody sees this')
  })
  await background.stop()
  background.run('too late', async () => {
    log.push('ran')
  })
  expect(log).toEqual(['ended'])
})

test('names on the wire carry the mesh id', () => {
  const tag = MESH_ID.slice(0, 16)
  expect(protocolId(MESH_ID, 'sync')).toBe(`/commonwheel/${tag}/sync/1`)
  expect(topicId(MESH_ID, 'entries')).toBe(`/commonwheel/${tag}/entries/1`)
})
