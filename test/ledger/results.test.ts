import { MemoryLevel } from 'memory-level'
import { expect, onTestFinished, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { JobId, Sha256 } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { ResultRecord } from '../../src/core/record.ts'
import { MAX_NEWEST } from '../../src/ledger/newest-results.ts'
import { useDatabase } from '../../src/storage/open-database.ts'
import { AUTHORS, TARGETS } from '../scheduler/feed-arbitraries.ts'
import { aResult } from '../support/make-record.ts'
import { openViews, type ViewsNode } from './views-node.ts'

const [numpy, scipy] = ['numpy', 'scipy'].map(normalizeName) as [
  ReturnType<typeof normalizeName>,
  ReturnType<typeof normalizeName>
]
const base = aResult()

async function aNode(): Promise<ViewsNode> {
  const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
  const database = await useDatabase(level, { folder: 'memory', made: false })
  onTestFinished(() => database.close())
  return openViews(database)
}

function wheelOf(job: JobId, digest: Sha256, over: Partial<ResultRecord> = {}): ResultRecord {
  return { ...base, job, wheel: { ...base.wheel!, sha256: digest }, ...over }
}

const [first, second] = [sha256Hex('first'), sha256Hex('second')]

test('results of a release come in the order in which they were finished, whichever came first', async () => {
  const { ledger, state } = await aNode()
  const job = jobId(numpy, '1.0', TARGETS[0]!)
  await ledger.append(wheelOf(job, first, { startedMs: 9_000 }))
  await ledger.append(wheelOf(job, second, { startedMs: 1_000 }))
  expect(state.results.ofJob(job).map(({ record }) => record.wheel?.sha256)).toEqual([second, first])
  expect(state.results.ofJob(jobId(numpy, '1.0', TARGETS[1]!))).toEqual([])
  expect(state.results.versionsOf(numpy)).toEqual(['1.0'])
})

test('a project that nothing is known of is found out about once something is', async () => {
  const { ledger, state } = await aNode()
  expect([state.results.versionsOf(scipy), state.results.ofRelease(scipy, '2.0')]).toEqual([[], []])
  await ledger.append(wheelOf(jobId(scipy, '2.0', TARGETS[0]!), first))
  expect(state.results.ofRelease(scipy, '2.0')).toHaveLength(1)
  await ledger.append(wheelOf(jobId(scipy, '2.1', TARGETS[0]!), second))
  expect(state.results.versionsOf(scipy)).toEqual(['2.0', '2.1'])
})

test('a wheel is found by its digest, a log by its own, and neither by the other', async () => {
  const { ledger, state } = await aNode()
  const log = { sha256: sha256Hex('its log'), size: 3 }
  await ledger.append(wheelOf(jobId(numpy, '1.0', TARGETS[0]!), first, { log }))
  const { results } = state
  expect([results.ofWheel(first).length, results.ofWheel(log.sha256).length]).toEqual([1, 0])
  expect([results.isLog(log.sha256), results.isLog(first)]).toEqual([true, false])
  for (const digest of [first, log.sha256]) expect(results.holdersOf(digest)).toEqual([AUTHORS[0]!.nodeId])
  expect(results.holdersOf(sha256Hex('never seen'))).toEqual([])
})

test('two blobs whose digests begin alike are told apart', async () => {
  const { ledger, state } = await aNode()
  const other = `${first.slice(0, 32)}${second.slice(32)}` as Sha256
  await ledger.append(wheelOf(jobId(numpy, '1.0', TARGETS[0]!), first))
  await ledger.append(wheelOf(jobId(scipy, '2.0', TARGETS[0]!), other))
  expect(state.results.ofWheel(first).map(({ record }) => record.job)).toEqual([
    jobId(numpy, '1.0', TARGETS[0]!)
  ])
  expect(state.results.ofWheel(other).map(({ record }) => record.job)).toEqual([
    jobId(scipy, '2.0', TARGETS[0]!)
  ])
})

test('the same bytes in two releases: a retraction touches both', async () => {
  const { ledger, state } = await aNode()
  const jobs = [jobId(numpy, '1.0', TARGETS[0]!), jobId(scipy, '2.0', TARGETS[0]!)]
  for (const job of jobs) await ledger.append(wheelOf(job, first))
  const touched = new Set<string>()
  ledger.onEntry((entry) => {
    for (const { project, version } of state.results.apply('x', entry.node, entry.records[0]!))
      touched.add(`${project} ${version}`)
  })
  await ledger.append({ kind: 'retract', file: first, reason: 'bad' })
  expect([...touched].sort()).toEqual(['numpy 1.0', 'scipy 2.0'])
})

test('the newest are bounded, in order, and what is older than all of them leaves no row behind', async () => {
  const { ledger, state, rows } = await aNode()
  const many = MAX_NEWEST + 130
  // Neither up nor down: 7 and `many` have no common divisor.
  const ends = Array.from({ length: many }, (_, index) => (index * 7) % many)
  await ledger.append(
    ...ends.map((startedMs) =>
      wheelOf(jobId(numpy, `1.${startedMs % 50}`, TARGETS[0]!), first, { startedMs, durationMs: 0 })
    )
  )
  const newest = state.results.newest(many).map(({ record }) => record.startedMs)
  expect(newest).toEqual(ends.toSorted((a, b) => b - a).slice(0, MAX_NEWEST))
  expect((await rows()).filter(([key]) => key.startsWith('n'))).toHaveLength(MAX_NEWEST)
  expect(state.results.count()).toBe(many)
})

test('scan goes over every release once, and goes on where it was left', async () => {
  const { ledger, state } = await aNode()
  const releases = [1, 2, 3, 4, 5].map((minor) => ({ project: numpy, version: `1.${minor}` }))
  await ledger.append(
    ...releases.map(({ version }) => wheelOf(jobId(numpy, version, TARGETS[0]!), sha256Hex(version)))
  )
  const versions = async (after?: { project: typeof numpy; version: string }): Promise<string[]> => {
    const found: string[] = []
    for await (const { version, facts } of state.results.scan(after)) found.push(`${version} ${facts.length}`)
    return found
  }
  expect(await versions()).toEqual(['1.1 1', '1.2 1', '1.3 1', '1.4 1', '1.5 1'])
  expect(await versions({ project: numpy, version: '1.3' })).toEqual(['1.4 1', '1.5 1'])
})
