import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import { HINT_POLL_MS, LIST_POLL_MS, MAX_STALE_TRIES, NO_NEWS_MS } from '../../src/core/limits.ts'
import { hour, minute, ObserverMesh, second } from './observer-kit.ts'

const demo = normalizeName('demo')
const day = 24 * hour

/** One wanted project, and a period so long that only news make it be asked for again. */
async function aQuietMesh(follow: 'watched' | 'everything' = 'watched'): Promise<ObserverMesh> {
  const mesh = new ObserverMesh(1, { pollMs: 7 * day, follow })
  mesh.upstream.publish('demo')
  mesh.want('demo')
  mesh.upstream.updates = []
  await mesh.run(1 * minute)
  return mesh
}

test('a watched project that the feed names is asked for at once, and once more a minute later', async () => {
  const mesh = await aQuietMesh()
  mesh.upstream.publish('demo', 8)
  mesh.upstream.publish('other', 9)
  mesh.upstream.updates = [
    { project: demo, id: 'demo 2' },
    { project: normalizeName('other'), id: 'other 1' }
  ]
  await mesh.run(HINT_POLL_MS * 1.3)
  expect(mesh.one.written.map(({ serial }) => serial)).toEqual([1, 8])
  await mesh.run(1 * hour)
  // The feed goes on naming it for as long as nobody releases more: that is no news.
  expect(mesh.upstream.asked('demo')).toHaveLength(3)
  expect(mesh.upstream.asked('other')).toEqual([])
})

test('a name that was missing may exist when the feed names it', async () => {
  const mesh = await aQuietMesh()
  const fresh = normalizeName('fresh')
  await mesh.ask(0, fresh)
  mesh.upstream.publish('fresh')
  mesh.upstream.updates = [{ project: fresh, id: 'fresh 1' }]
  await mesh.run(HINT_POLL_MS * 1.3)
  await mesh.ask(0, fresh)
  expect(mesh.one.observations.newest(fresh)?.record.page).toBeDefined()
})

test('the feed is read every minute or two; an upstream without one is asked again a day later', async () => {
  const mesh = await aQuietMesh()
  await mesh.run(3 * hour, 10 * second)
  const reads = mesh.upstream.asked('feed').length
  expect(reads).toBeGreaterThan((3 * hour) / (HINT_POLL_MS * 1.3))
  expect(reads).toBeLessThan((3 * hour) / (HINT_POLL_MS * 0.7))
  mesh.upstream.updates = undefined
  await mesh.run(12 * hour, minute)
  expect(mesh.upstream.asked('feed').length - reads).toBe(1)
  expect(mesh.said.filter((line) => line.includes('no feed'))).toHaveLength(1)
  await mesh.run(NO_NEWS_MS, minute)
  expect(mesh.upstream.asked('feed').length - reads).toBe(2)
})

test('the list is read a few times a day, not at once, and tells which watched projects changed', async () => {
  const mesh = await aQuietMesh()
  mesh.upstream.publish('demo', 20)
  await mesh.run(5 * minute)
  expect(mesh.upstream.asked('list')).toEqual([])
  await mesh.run(10 * minute)
  expect(mesh.one.written.map(({ serial }) => serial)).toEqual([1, 20])
  await mesh.run(1 * day, minute)
  const reads = mesh.upstream.asked('list').length
  expect(reads).toBeGreaterThanOrEqual(Math.floor(day / (LIST_POLL_MS * 1.25)))
  expect(reads).toBeLessThanOrEqual(1 + Math.ceil(day / (LIST_POLL_MS * 0.75)))
})

test('a watched project that the list no longer names is looked for', async () => {
  const mesh = await aQuietMesh()
  mesh.upstream.serials.delete(demo)
  await mesh.run(15 * minute)
  expect(mesh.one.observations.newest(demo)?.record.page).toBeUndefined()
})

test('a page that is older than the list says is asked for again until the cache has caught up', async () => {
  const mesh = await aQuietMesh()
  mesh.upstream.cached.set(demo, 1)
  mesh.upstream.publish('demo', 30)
  await mesh.run(15 * minute)
  expect(mesh.one.observer.trouble(demo)).toContain('UPSTREAM_STALE')
  mesh.upstream.cached.clear()
  await mesh.run(10 * minute)
  expect(mesh.one.written.map(({ serial }) => serial)).toEqual([1, 30])
})

test('a list that is wrong about a serial does not make the project be asked for without end', async () => {
  const mesh = await aQuietMesh()
  mesh.upstream.listed = new Map([['demo', 99]])
  await mesh.run(5 * hour, minute)
  expect(mesh.upstream.asked('demo').length).toBeLessThanOrEqual(1 + MAX_STALE_TRIES + 1)
  expect(mesh.one.observer.trouble(demo)).toBe('')
})

test('an upstream without serials: said once, and its list read once a day', async () => {
  const mesh = await aQuietMesh()
  mesh.upstream.hasSerials = false
  await mesh.run(20 * hour, minute)
  expect(mesh.upstream.asked('list')).toHaveLength(1)
  expect(mesh.said.filter((line) => line.includes('no serials'))).toHaveLength(1)
  expect(mesh.upstream.asked('demo')).toHaveLength(1)
})

test('everything: what the list names is visited slowly, wanted projects meanwhile in time', async () => {
  const mesh = new ObserverMesh(1, { follow: 'everything' })
  for (let i = 0; i < 500; i++) mesh.upstream.publish(`p${i}`)
  mesh.want('p7')
  await mesh.run(5 * minute)
  const visited = mesh.upstream.pages().length
  expect(visited).toBeGreaterThan(250)
  expect(visited).toBeLessThanOrEqual(305)
  await mesh.run(6 * minute)
  expect(mesh.one.written).toHaveLength(500)
  expect(mesh.upstream.asked('p7').length).toBeGreaterThanOrEqual(2)
  // Each once: what is not behind is not asked for.
  expect(mesh.upstream.pages()).toHaveLength(500 + mesh.upstream.asked('p7').length - 1)
  expect(mesh.one.observer.standing()).toMatchObject({ watched: 1, backlog: 0 })
})

test('watched: the list makes nobody read what nobody asked for', async () => {
  const mesh = await aQuietMesh()
  for (let i = 0; i < 50; i++) mesh.upstream.publish(`p${i}`)
  await mesh.run(1 * hour)
  expect(mesh.upstream.asked('list')).toHaveLength(1)
  expect(mesh.upstream.pages()).toHaveLength(1)
})
