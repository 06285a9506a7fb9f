import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ObservedRecord, MeshRecord } from '../../src/core/record.ts'
import type { UpstreamAnswer } from '../../src/core/ports.ts'
import { createObservations } from '../../src/ledger/observations.ts'
import { createPageBook } from '../../src/ledger/page-book.ts'
import { createWishes } from '../../src/ledger/wishes.ts'
import type { MeshState } from '../../src/ledger/mesh-state.ts'
import { createObserver } from '../../src/scheduler/observer.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { memoryBlobs } from '../support/memory-blobs.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const demo = normalizeName('demo')
const body = new TextEncoder().encode(JSON.stringify({ name: 'demo', files: [] }))
const thePage: UpstreamAnswer = { kind: 'page', page: { serial: 0, etag: '"1"', body } }

function aMesh(answer: UpstreamAnswer = thePage) {
  const observations = createObservations()
  const pages = createPageBook(observations)
  const store = memoryBlobs()
  const clock = new FakeClock(1_000)
  const written: ObservedRecord[] = []
  const append = async (...records: readonly MeshRecord[]): Promise<readonly string[]> => {
    for (const record of records) {
      if (record.kind === 'observed') written.push(record)
      observations.apply(`r${written.length}`, signerOf('root').nodeId, record)
    }
    return []
  }
  const state = { observations, wishes: createWishes() } as unknown as MeshState
  const upstream = { project: async () => answer, download: () => store.read(sha256Hex('')) }
  const parts = {
    state,
    pages,
    upstream,
    store,
    ledger: { append },
    clock,
    log: silentLog,
    isElected: () => true
  }
  return { observer: createObserver(parts, { pollMs: 1_000 }), observations, pages, store, written, append }
}

test('a page is recorded once, however often it is fetched unchanged', async () => {
  const { observer, written, pages } = aMesh()
  await observer.refresh(demo)
  await observer.refresh(demo)
  expect(written).toHaveLength(1)
  expect(pages.page(demo)).toBeDefined()
})

test('an unchanged page whose bytes nobody has any more is kept again', async () => {
  const { observer, append, written, store, pages } = aMesh()
  await append({
    kind: 'observed',
    project: demo,
    serial: 0,
    page: sha256Hex(body),
    pageSize: 1,
    observedMs: 1
  })
  pages.put(demo, sha256Hex(body), body)
  // So many others were used since that only its releases are remembered.
  for (let i = 0; i < 200; i++) pages.put(normalizeName(`other-${i}`), sha256Hex(`${i}`), body)
  expect([pages.missing(demo), pages.page(demo)]).toEqual([undefined, undefined])
  await observer.refresh(demo)
  expect(written).toHaveLength(1)
  expect(pages.page(demo)).toBeDefined()
  expect(await store.size(sha256Hex(body))).toBe(body.byteLength)
})

test('an observer whose clock is behind still replaces what was said before', async () => {
  const { observer, append, observations } = aMesh()
  await append({
    kind: 'observed',
    project: demo,
    serial: 0,
    page: sha256Hex('old'),
    pageSize: 1,
    observedMs: 9e12
  })
  await observer.refresh(demo)
  expect(observations.newest(demo)?.record).toMatchObject({ page: sha256Hex(body), observedMs: 9e12 + 1 })
})

test('a project that upstream does not have is said so once', async () => {
  const { observer, written } = aMesh({ kind: 'missing' })
  await observer.refresh(demo)
  await observer.refresh(demo)
  expect(written).toHaveLength(1)
  expect(written[0]).not.toHaveProperty('page')
})
