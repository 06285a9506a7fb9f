import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import {
  ASKED_FOR_MS,
  DEMAND_WATCH_MS,
  MISSING_FRESH_MS,
  UPSTREAM_FIRST_BURST
} from '../../src/core/limits.ts'
import { hour, minute, ObserverMesh, pageBytes, PERIOD_MS, second } from './observer-kit.ts'

const demo = normalizeName('demo')

test('a page is recorded once, however often it is fetched unchanged', async () => {
  const mesh = new ObserverMesh()
  mesh.upstream.publish('demo')
  await mesh.ask(0, demo)
  await mesh.ask(0, demo)
  expect(mesh.one.written).toHaveLength(1)
  expect(mesh.one.pages.page(demo)).toBeDefined()
})

test('an unchanged page whose bytes nobody has any more is kept again', async () => {
  const mesh = new ObserverMesh()
  const { pages, store, written } = mesh.one
  const body = pageBytes('demo', mesh.upstream.serials.size + 1)
  mesh.upstream.publish('demo')
  const page = sha256Hex(body)
  mesh.spread(mesh.one.id, { kind: 'observed', project: demo, serial: 1, page, pageSize: 1, observedMs: 1 })
  pages.put(demo, page, body)
  // So many others were used since that only its releases are remembered.
  for (let i = 0; i < 200; i++) pages.put(normalizeName(`other-${i}`), sha256Hex(`${i}`), body)
  expect([pages.missing(demo), pages.page(demo)]).toEqual([undefined, undefined])
  await mesh.ask(0, demo)
  expect(written).toHaveLength(0)
  expect(pages.page(demo)).toBeDefined()
  expect(await store.size(page)).toBe(body.byteLength)
})

test('an observer whose clock is behind still replaces what was said before', async () => {
  const mesh = new ObserverMesh()
  const old = { kind: 'observed', project: demo, page: sha256Hex('old'), pageSize: 1 } as const
  mesh.spread(mesh.one.id, { ...old, serial: 1, observedMs: 9e12 })
  mesh.upstream.publish('demo')
  await mesh.ask(0, demo)
  expect(mesh.one.observations.newest(demo)?.record).toMatchObject({
    page: sha256Hex(pageBytes('demo', 1)),
    observedMs: 9e12 + 1
  })
})

test('a wanted project that upstream does not have is said so once', async () => {
  const mesh = new ObserverMesh()
  mesh.want('demo')
  await mesh.run(1 * hour)
  expect(mesh.one.written).toHaveLength(1)
  expect(mesh.one.written[0]).not.toHaveProperty('page')
})

test('a watched project is asked for again within each period, and only whether it changed', async () => {
  const mesh = new ObserverMesh()
  mesh.upstream.publish('demo')
  mesh.want('demo')
  await mesh.run(1 * hour)
  const requests = mesh.upstream.asked('demo')
  const waits = requests.slice(1).map(({ atMs }, at) => atMs - (requests[at]?.atMs ?? 0))
  expect(requests.length).toBeGreaterThanOrEqual(6)
  expect(Math.max(...waits)).toBeLessThanOrEqual(PERIOD_MS)
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(PERIOD_MS * 0.9)
  expect(requests.map(({ etag }) => etag)).toEqual(['', ...requests.slice(1).map(() => '"1"')])
  expect(mesh.one.written).toHaveLength(1)
})

test('a change is recorded within one period', async () => {
  const mesh = new ObserverMesh()
  mesh.upstream.publish('demo')
  mesh.want('demo')
  await mesh.run(1 * minute)
  mesh.upstream.publish('demo', 7)
  await mesh.run(PERIOD_MS)
  expect(mesh.one.written.map(({ serial }) => serial)).toEqual([1, 7])
})

test('a project that vanishes upstream is recorded as gone within one period', async () => {
  const mesh = new ObserverMesh()
  mesh.upstream.publish('demo')
  mesh.want('demo')
  await mesh.run(1 * minute)
  mesh.upstream.serials.delete(demo)
  await mesh.run(PERIOD_MS)
  expect(mesh.one.observations.newest(demo)?.record.page).toBeUndefined()
})

test('a name that nobody wants and upstream does not have is remembered, not recorded', async () => {
  const mesh = new ObserverMesh()
  for (let i = 0; i < 50; i++) await mesh.ask(0, demo)
  expect(mesh.upstream.requests).toHaveLength(1)
  expect(mesh.one.written).toEqual([])
  await mesh.clock.advance(MISSING_FRESH_MS)
  mesh.upstream.publish('demo')
  await mesh.ask(0, demo)
  expect(mesh.one.observations.newest(demo)?.record.page).toBeDefined()
})

test('a want is not kept waiting by what a client just heard of it', async () => {
  const mesh = new ObserverMesh()
  await mesh.ask(0, demo)
  mesh.upstream.publish('demo')
  mesh.want('demo')
  await mesh.run(2 * second)
  expect(mesh.one.observations.newest(demo)?.record.page).toBeDefined()
})

test('a flood of names asks upstream a bounded number of times, grows nothing, and delays no want', async () => {
  const mesh = new ObserverMesh()
  mesh.upstream.publish('demo')
  const names = Array.from({ length: 5_000 }, (_, i) => normalizeName(`no-such-${i}`))
  const answers = await Promise.allSettled(names.map((name) => mesh.one.observer.refresh(name)))
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(UPSTREAM_FIRST_BURST)
  expect(mesh.upstream.requests).toHaveLength(UPSTREAM_FIRST_BURST)
  const refused = answers.find((answer) => answer.status === 'rejected')
  expect(refused?.reason).toMatchObject({ code: 'UPSTREAM_SPARED' })
  expect(mesh.one.written).toEqual([])
  mesh.want('demo')
  await mesh.run(1 * second)
  expect(mesh.one.observations.newest(demo)?.record.page).toBeDefined()
})

test('what clients ask for is watched for a while, and then no more', async () => {
  const mesh = new ObserverMesh(1, { pollMs: hour })
  mesh.upstream.publish('demo')
  await mesh.ask(0, demo)
  await mesh.run(12 * hour, minute)
  expect(mesh.upstream.asked('demo').length).toBeGreaterThanOrEqual(12)
  expect(mesh.one.observer.standing().watched).toBe(1)
  await mesh.run(ASKED_FOR_MS, 20 * minute)
  expect(mesh.one.observer.standing().watched).toBe(0)
})

test('a want that came from demand holds its project for a bounded time; one of a person for as long as it stands', async () => {
  const mesh = new ObserverMesh(1, { pollMs: hour })
  for (const name of ['demo', 'kept']) mesh.upstream.publish(name)
  mesh.want('demo', { priority: 'popular' })
  mesh.want('kept')
  await mesh.run(2 * hour, minute)
  expect(mesh.one.observer.standing().watched).toBe(2)
  await mesh.run(DEMAND_WATCH_MS + 2 * hour, hour / 2)
  expect(mesh.one.observer.standing().watched).toBe(1)
})

test('a page that is older than what is known is not recorded, and asked for again soon', async () => {
  const mesh = new ObserverMesh()
  mesh.upstream.publish('demo', 5)
  mesh.want('demo')
  await mesh.run(1 * minute)
  // A cache that still has an old page, though the mesh has seen a newer one.
  mesh.upstream.cached.set(demo, 3)
  await mesh.run(PERIOD_MS)
  expect(mesh.one.written.map(({ serial }) => serial)).toEqual([5])
  expect(mesh.one.observer.trouble(demo)).toContain('UPSTREAM_STALE')
  mesh.upstream.cached.clear()
  mesh.upstream.publish('demo', 6)
  await mesh.run(4 * minute)
  expect(mesh.one.written.map(({ serial }) => serial)).toEqual([5, 6])
  expect(mesh.one.observer.trouble(demo)).toBe('')
})
