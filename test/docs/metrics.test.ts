import { expect, test } from 'vitest'
import type { StatusView } from '../../src/http/api-types.ts'
import { createMetrics } from '../../src/node/metrics.ts'
import { tableRows, textOf } from './repository.ts'

const status: StatusView = {
  mesh: { id: '0'.repeat(64), name: 'demo' },
  node: {
    id: 'n',
    label: 'pi',
    version: 'v',
    uptimeMs: 1,
    mode: 'running',
    pauses: [{ cause: 'heat', reason: 'hot', sinceMs: 1 }],
    roles: [],
    targets: [],
    running: []
  },
  peers: { connected: 2, known: 3 },
  queue: [{ target: 'cp313-linux_armv7l-glibc2.41', queued: 4, claimed: 3, done: 2, failed: 1 }],
  coordinators: [],
  ledger: { feeds: 5, entries: 6, waits: false },
  storage: { writable: true, missing: 0 },
  copies: {
    room: true,
    usedBytes: 7,
    freeBytes: 8,
    disk: 0,
    minFree: 0,
    owed: 4,
    lacking: 2,
    unavailable: 1,
    lost: 0,
    fetchedBytes: 0,
    droppedBytes: 0
  },
  upstream: {
    follow: 'watched',
    self: true,
    answerAgeMs: 4_000,
    trouble: '',
    watched: 5,
    backlog: 0,
    requests: 6,
    requestsLastHour: 6,
    demand: { on: true, counted: 2, wants: 1 }
  }
}

const { text } = await createMetrics().text(status)
const said = new Map(
  [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type])
)
const page = tableRows(textOf('docs/metrics.md'))
  .filter(([name = '']) => /^`commonwheel_\w+`$/.test(name))
  .map(([name = '', type = '', labels = '']) => ({ name: name.slice(1, -1), type, labels }))

test('docs/metrics.md lists what /metrics says, and nothing else', () => {
  expect(page.map(({ name }) => name).sort()).toEqual([...said.keys()].sort())
})

test.for(page)('$name is a $type', ({ name, type }) => {
  expect(said.get(name)).toBe(type)
})

test('jobs have the labels that the page says', () => {
  expect(page.find(({ name }) => name === 'commonwheel_jobs')?.labels).toBe('`target`, `state`')
  expect(text).toContain('commonwheel_jobs{target="cp313-linux_armv7l-glibc2.41",state="claimed"} 3')
})

test('our own metrics carry what the status says', () => {
  expect(text).toContain('commonwheel_peers 2')
  expect(text).toContain('commonwheel_ledger_entries 6')
  expect(text).toContain('commonwheel_builds_running 0')
  expect(text).toContain('commonwheel_paused{cause="heat"} 1')
  expect(text).toContain('commonwheel_paused{cause="owner"} 0')
  expect(text).toContain('commonwheel_blob_bytes 7')
  expect(text).toContain('commonwheel_blobs{state="lacking"} 2')
  expect(text).toContain('commonwheel_upstream_up 1')
  expect(text).toContain('commonwheel_upstream_answer_age_seconds 4')
  expect(text).toContain('commonwheel_upstream_requests_total 6')
  expect(text).toContain('commonwheel_demand_wants_total 1')
})
