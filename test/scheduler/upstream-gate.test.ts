import { expect, test } from 'vitest'
import {
  UPSTREAM_GONE_FAILURES,
  UPSTREAM_PROBE_MAX_MS,
  UPSTREAM_REVISIT_BURST,
  UPSTREAM_REVISITS_PER_SECOND
} from '../../src/core/limits.ts'
import { hour, minute, ObserverMesh, second } from './observer-kit.ts'

/** Forty wanted projects, all observed a moment ago. */
async function aBusyMesh(): Promise<ObserverMesh> {
  const mesh = new ObserverMesh()
  for (let i = 0; i < 40; i++) {
    mesh.upstream.publish(`p${i}`)
    mesh.want(`p${i}`)
  }
  await mesh.run(1 * minute)
  return mesh
}

test('an upstream that is gone is asked by one request at a time, ever more rarely, and said to be gone once', async () => {
  const mesh = await aBusyMesh()
  mesh.upstream.trouble = { status: 0 }
  const before = mesh.upstream.requests.length
  await mesh.run(6 * hour, 5 * second)
  const asked = mesh.upstream.requests.length - before
  expect(asked).toBeGreaterThan(10)
  expect(asked).toBeLessThanOrEqual(UPSTREAM_GONE_FAILURES + 10 + (6 * hour) / (UPSTREAM_PROBE_MAX_MS * 0.75))
  expect(mesh.one.observer.standing().trouble).toBe('it gives no answer')
  expect(mesh.said.filter((line) => line.startsWith('upstream is in trouble'))).toHaveLength(1)
})

test('when it comes back all is asked for again, within bounds, and that is said once', async () => {
  const mesh = await aBusyMesh()
  mesh.upstream.trouble = { status: 502 }
  await mesh.run(1 * hour, 5 * second)
  mesh.upstream.trouble = undefined
  for (const project of [...mesh.upstream.serials.keys()]) mesh.upstream.publish(project, 1_000)
  await mesh.run(1 * hour, 5 * second)
  expect(mesh.one.written.filter(({ serial }) => serial === 1_000)).toHaveLength(40)
  expect(mesh.said.filter((line) => line === 'upstream answers again')).toHaveLength(1)
  expect(mesh.one.observer.standing()).toMatchObject({ trouble: '', elected: true, watched: 40 })
})

test('nothing at all is asked before the time that upstream named', async () => {
  const mesh = await aBusyMesh()
  mesh.upstream.trouble = { status: 429, retryAfterMs: 25 * minute }
  await mesh.run(12 * minute)
  const before = mesh.upstream.requests.length
  await mesh.run(20 * minute)
  const since = mesh.upstream.requests.slice(before)
  const named = mesh.upstream.requests[before - 1]?.atMs ?? 0
  expect(since.every(({ atMs }) => atMs - named >= 25 * minute)).toBe(true)
  await expect(mesh.ask(0, mesh.upstream.publish('fresh'))).rejects.toMatchObject({ code: 'UPSTREAM_SPARED' })
})

test('a thousand watched projects are asked for at a bounded rate, and all of them', async () => {
  const mesh = new ObserverMesh()
  for (let i = 0; i < 1_000; i++) {
    mesh.upstream.publish(`p${i}`)
    mesh.want(`p${i}`)
  }
  await mesh.run(9 * minute, second / 4)
  const first = mesh.upstream.pages().length
  expect(first).toBe(1_000)
  await mesh.run(10 * minute, second / 4)
  const again = mesh.upstream.pages().slice(first)
  expect(new Set(again.map(({ what }) => what)).size).toBe(1_000)
  for (let at = 0; at < 20 * minute; at += 10 * second) {
    const burst = again.filter(({ atMs }) => atMs >= at && atMs < at + 10 * second)
    expect(burst.length).toBeLessThanOrEqual(UPSTREAM_REVISIT_BURST + 10 * UPSTREAM_REVISITS_PER_SECOND)
  }
})

test('one project that upstream refuses is its own matter', async () => {
  const mesh = await aBusyMesh()
  mesh.upstream.trouble = { status: 403 }
  await mesh.run(15 * minute)
  expect(mesh.one.observer.standing().trouble).toBe('')
  expect(mesh.said).toContain('upstream could not be asked')
})

test('requests are counted, in all and in the last hour', async () => {
  const mesh = await aBusyMesh()
  const { requests, requestsLastHour, answerAgeMs } = mesh.one.observer.standing()
  expect(requests).toBe(mesh.upstream.requests.length)
  expect(requestsLastHour).toBe(requests)
  expect(answerAgeMs).toBeLessThanOrEqual(1 * minute)
  mesh.elected = 1
  await mesh.run(2 * hour, minute)
  expect(mesh.one.observer.standing()).toMatchObject({ requests, requestsLastHour: 0, watched: 0 })
})
