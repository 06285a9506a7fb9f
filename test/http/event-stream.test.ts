import { expect, test } from 'vitest'
import { eventChunks } from '../../src/http/event-stream.ts'
import { EVENT_HEARTBEAT_MS, MAX_EVENT_STREAMS, MAX_QUEUED_EVENTS } from '../../src/http/http-limits.ts'
import { FakeClock } from '../support/test-ports.ts'
import { FakeControl, aJobView, testApp } from './http-fixtures.ts'

const EVENT = { kind: 'job', atMs: 5, job: aJobView({ state: 'built' }) } as const

function opened() {
  const control = new FakeControl()
  const clock = new FakeClock()
  const ending = new AbortController()
  const stream = eventChunks(control, clock, ending.signal)
  const next = async (): Promise<string | undefined> => {
    const step = await stream.next()
    return step.done === true ? undefined : Buffer.from(step.value).toString()
  }
  return { control, clock, ending, stream, next }
}

test('events go out as they come, several in one piece', async () => {
  const { control, next } = opened()
  expect(await next()).toBe('retry: 2000\n\n')
  const waiting = next()
  await new Promise(setImmediate)
  control.emit(EVENT)
  expect(await waiting).toBe(`event: job\ndata: ${JSON.stringify(EVENT)}\n\n`)
  control.emit(EVENT)
  control.emit(EVENT)
  expect((await next())?.match(/event: job/g)).toHaveLength(2)
})

test('a quiet stream has a heartbeat', async () => {
  const { clock, next } = opened()
  await next()
  const waiting = next()
  await new Promise(setImmediate)
  await clock.advance(EVENT_HEARTBEAT_MS)
  expect(await waiting).toBe(': still here\n\n')
})

test('it ends with its signal, and listens no more', async () => {
  const { control, ending, next } = opened()
  await next()
  const waiting = next()
  await new Promise(setImmediate)
  expect(control.listeners.size).toBe(1)
  ending.abort()
  expect(await waiting).toBeUndefined()
  expect(control.listeners.size).toBe(0)
})

test('a client that reads nothing is cut off, and costs a bounded queue', async () => {
  const { control, next } = opened()
  await next()
  for (let i = 0; i < MAX_QUEUED_EVENTS + 5; i++) control.emit(EVENT)
  expect(await next()).toBeUndefined()
  expect(control.listeners.size).toBe(0)
})

test('the answer is an event stream, and HEAD does not open one', async () => {
  const { app, control } = testApp()
  const head = await app.request('/api/v1/events', { method: 'HEAD' })
  expect([head.headers.get('content-type'), control.listeners.size]).toEqual([
    'text/event-stream; charset=utf-8',
    0
  ])
  expect(MAX_EVENT_STREAMS).toBeGreaterThan(1)
})
