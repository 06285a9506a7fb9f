import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import { OBSERVER_SILENT_MS, UPSTREAM_GONE_FAILURES } from '../../src/core/limits.ts'
import { hour, minute, ObserverMesh, PERIOD_MS, second } from './observer-kit.ts'

const demo = normalizeName('demo')

function everyNodeKnows(mesh: ObserverMesh): boolean {
  return mesh.nodes.every(({ observations }) => observations.newest(demo)?.record.page !== undefined)
}

test('an unknown project that clients of all nodes ask for at once is fetched once for the mesh', async () => {
  const mesh = new ObserverMesh(5)
  mesh.upstream.publish('demo')
  mesh.upstream.latencyMs = 200
  mesh.gossipMs = 300
  await mesh.askAll(mesh.nodes.map((_, index) => [index, demo]))
  expect(mesh.upstream.asked('demo')).toHaveLength(1)
  expect(everyNodeKnows(mesh)).toBe(true)
  expect(mesh.nodes.flatMap(({ written }) => written)).toHaveLength(1)
})

test('that there is no such project is found out once for the mesh', async () => {
  const mesh = new ObserverMesh(5)
  for (let i = 0; i < 3; i++) await mesh.askAll(mesh.nodes.map((_, index) => [index, demo]))
  expect(mesh.upstream.asked('demo')).toHaveLength(1)
  // Each of the others asked the observer once, and remembers.
  expect(mesh.questions).toHaveLength(4)
})

test('a page that the observer watches costs no request of upstream, whoever serves it', async () => {
  const mesh = new ObserverMesh(3)
  mesh.upstream.publish('demo')
  await mesh.ask(1, demo)
  await mesh.run(1 * hour)
  const requests = mesh.upstream.requests.length
  await mesh.ask(1, demo)
  await mesh.ask(2, demo)
  expect(mesh.upstream.requests).toHaveLength(requests)
  expect(mesh.node(2).observer.ageMs(demo)).toBeLessThan(PERIOD_MS)
})

test('only the observer follows; the next one goes on', async () => {
  const mesh = new ObserverMesh(3)
  mesh.upstream.publish('demo')
  mesh.want('demo')
  await mesh.run(15 * minute)
  expect(mesh.upstream.asked('demo')).toHaveLength(2)
  mesh.elected = 2
  await mesh.run(5 * minute)
  // It cannot know that nothing changed meanwhile: it asks once, and then in turn.
  expect(mesh.upstream.asked('demo')).toHaveLength(3)
  // The page as such it has not: without it upstream must not say "you have it".
  expect(mesh.upstream.asked('demo').map(({ etag }) => etag)).toEqual(['', '"1"', ''])
  await mesh.run(PERIOD_MS)
  expect(mesh.upstream.asked('demo')).toHaveLength(4)
  expect(mesh.nodes.flatMap(({ written }) => written)).toHaveLength(1)
  expect(mesh.nodes.map(({ observer }) => observer.standing().watched)).toEqual([0, 0, 1])
})

test('an observer that says nothing is passed over after three seconds, and then at once for a while', async () => {
  const mesh = new ObserverMesh(2)
  mesh.upstream.publish('demo')
  mesh.silent.add(mesh.one.id)
  const startMs = mesh.clock.monotonicMs()
  await mesh.ask(1, demo)
  expect(mesh.clock.monotonicMs() - startMs).toBeLessThan(4 * second)
  expect(everyNodeKnows(mesh)).toBe(true)
  const other = mesh.upstream.publish('other')
  const laterMs = mesh.clock.monotonicMs()
  await mesh.ask(1, other)
  expect(mesh.clock.monotonicMs() - laterMs).toBeLessThan(100)
  expect(mesh.questions).toEqual(['demo'])
  await mesh.clock.advance(OBSERVER_SILENT_MS)
  mesh.silent.clear()
  await mesh.ask(1, mesh.upstream.publish('third'))
  expect(mesh.questions).toEqual(['demo', 'third'])
})

test('many who wait for a silent observer wait three seconds together, not one after the other', async () => {
  const mesh = new ObserverMesh(2)
  mesh.silent.add(mesh.one.id)
  const names = Array.from({ length: 100 }, (_, i) => mesh.upstream.publish(`p${i}`))
  const startMs = mesh.clock.monotonicMs()
  await mesh.askAll(names.map((name) => [1, name]))
  expect(mesh.clock.monotonicMs() - startMs).toBeLessThan(4 * second)
  expect(names.every((name) => mesh.node(1).observations.newest(name) !== undefined)).toBe(true)
  expect(mesh.upstream.requests).toHaveLength(names.length)
})

test('while one is elected, a node asks by itself rather than not at all', async () => {
  const mesh = new ObserverMesh(2)
  mesh.upstream.publish('demo')
  mesh.elected = -1
  await mesh.ask(1, demo)
  expect(everyNodeKnows(mesh)).toBe(true)
})

test('with upstream in trouble only those ask who have nothing to serve', async () => {
  const mesh = new ObserverMesh(3)
  mesh.upstream.publish('demo')
  await mesh.ask(1, demo)
  await mesh.clock.advance(2 * PERIOD_MS)
  mesh.upstream.trouble = { status: 503 }
  const before = mesh.upstream.requests.length
  for (let i = 0; i < 20; i++) await mesh.ask(1, demo).catch(() => undefined)
  expect(mesh.upstream.requests.length - before).toBeLessThanOrEqual(UPSTREAM_GONE_FAILURES)
  // The page is still known, with its true age.
  expect(mesh.node(1).observations.newest(demo)?.record.page).toBeDefined()
  expect(mesh.node(1).observer.ageMs(demo)).toBeGreaterThanOrEqual(2 * PERIOD_MS)
})

test('a node that does not observe answers so, and asks nobody for others', async () => {
  const mesh = new ObserverMesh(2)
  mesh.upstream.publish('demo')
  expect(await mesh.node(1).observer.answer(demo)).toEqual({ kind: 'elsewhere' })
  expect(mesh.upstream.requests).toEqual([])
})

test('the next observer asks whether a page changed, by the tag that the one before recorded', async () => {
  const mesh = new ObserverMesh(2)
  mesh.upstream.publish('demo')
  mesh.want('demo')
  await mesh.run(1 * minute)
  const [first] = mesh.one.written
  expect(first?.etag).toBe('"1"')
  for await (const chunk of mesh.one.store.read(first!.page!)) await mesh.node(1).store.write(once(chunk))
  mesh.elected = 1
  await mesh.run(2 * PERIOD_MS)
  expect(mesh.upstream.asked('demo').map(({ etag }) => etag)).toEqual(['', '"1"', '"1"'])
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
