import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { BlobStore, BuildReport, BuildRequest } from '../../src/core/ports.ts'
import type { ResultRecord } from '../../src/core/record.ts'
import type { ReproduceEvent, ReproduceReportView } from '../../src/http/reproduce-types.ts'
import type { ResultFact } from '../../src/ledger/results.ts'
import { createReproduceSource } from '../../src/node/reproduce.ts'
import { makeElf } from '../support/make-elf.ts'
import { aResult } from '../support/make-record.ts'
import { makeWheel, type WheelPlan } from '../support/make-wheel.ts'
import { memoryBlobs } from '../support/memory-blobs.ts'

const DEMO = { name: 'demo', version: '1.0' }
const once = async function* (bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cw-reproduce-'))
})

afterEach(async () => {
  await rm(dataDir, { recursive: true })
})

interface World {
  readonly published?: Partial<WheelPlan>
  readonly built?: Partial<WheelPlan>
  readonly result?: Partial<ResultRecord>
  readonly report?: Partial<BuildReport>
  readonly served?: boolean
}

/** One job whose wheel is in the mesh, and a builder that makes another one. */
async function reproduced({ published = {}, built = {}, result, report, served = true }: World = {}) {
  const requests: BuildRequest[] = []
  const store = memoryBlobs()
  const first = makeWheel({ ...DEMO, ...published })
  await store.write(once(first.bytes))
  const record = aResult({
    wheel: { ...aResult().wheel!, filename: first.filename, sha256: first.sha256, size: first.bytes.length },
    ...result
  })
  const files = served
    ? [
        {
          filename: 'demo-1.0.tar.gz',
          url: 'https://upstream.test/demo',
          hashes: { sha256: record.sdist.sha256 }
        }
      ]
    : []
  const body = Buffer.from(JSON.stringify({ name: 'demo', files }))
  const source = createReproduceSource({
    dataDir,
    results: { ofJob: () => [{ author: record.fence.holder, record } as ResultFact] },
    upstream: {
      project: async () => ({ kind: 'page', page: { serial: 0, etag: '', body } }),
      download: () => once(new Uint8Array())
    },
    store,
    blobs: { ensure: async () => first.bytes.length },
    random: { float: () => 0.5, bytes: (length) => new Uint8Array(length) },
    builderInto: () => (scratch: BlobStore) => ({
      build: async (request, told) => {
        requests.push(request)
        told.onPhase('build')
        const second = makeWheel({ ...DEMO, ...built })
        await scratch.write(once(second.bytes))
        const { log, environment } = record
        const wheel = { ...record.wheel!, filename: second.filename, sha256: second.sha256 }
        return { wheel, log, environment, durationMs: 1_000, ...report }
      }
    })
  })
  const events: ReproduceEvent[] = []
  for await (const event of source.reproduce({ job: record.job }, new AbortController().signal))
    events.push(event)
  expect(await readdir(dataDir)).toEqual([])
  return { events, requests, store, first }
}

function reportIn(events: readonly ReproduceEvent[]): ReproduceReportView {
  const last = events.at(-1)
  if (last?.kind !== 'report') throw new Error(JSON.stringify(last))
  return last.report
}

test('the same wheel again: equal, with the requirements of the result, and nothing is kept', async () => {
  const { events, requests, store, first } = await reproduced()
  expect(reportIn(events)).toMatchObject({
    equal: true,
    equalContents: true,
    members: [],
    differing: 0,
    archive: []
  })
  expect(requests).toMatchObject([
    { sdistUrl: 'https://upstream.test/demo', pins: aResult().environment.requirements }
  ])
  expect([...store.bytes.keys()]).toEqual([first.sha256])
  expect(events.flatMap((event) => (event.kind === 'progress' ? [event.phase] : []))).toEqual([
    'published',
    'build'
  ])
})

test('a text that differs is shown by its lines', async () => {
  const { events } = await reproduced({
    published: { files: { 'demo.py': 'a = 1\nbuilt = "monday"\n' } },
    built: { files: { 'demo.py': 'a = 1\nbuilt = "tuesday"\n' } }
  })
  const { equal, equalContents, members } = reportIn(events)
  expect([equal, equalContents]).toEqual([false, false])
  expect(members).toContainEqual({
    name: 'demo.py',
    kind: 'content',
    content: { sizes: [23, 24], firstOffset: 15, lines: ['-built = "monday"', '+built = "tuesday"'] }
  })
})

test('files that only one of them has are named', async () => {
  const { events } = await reproduced({
    published: { files: { 'demo.py': '', 'gone.py': '' } },
    built: { files: { 'demo.py': '', 'come.py': '' } }
  })
  const kinds = reportIn(events).members.map(({ name, kind }) => [name, kind])
  expect(kinds).toContainEqual(['gone.py', 'only-published'])
  expect(kinds).toContainEqual(['come.py', 'only-built'])
})

test('compiled code without a table of sections is told by its first different byte', async () => {
  const code = Buffer.from(makeElf({ soname: 'a.so' }))
  const changed = Buffer.concat([code, Buffer.from('x')])
  const { events } = await reproduced({
    published: { files: { 'demo/fast.so': code } },
    built: { files: { 'demo/fast.so': changed } }
  })
  const found = reportIn(events).members.find(({ name }) => name === 'demo/fast.so')
  expect(found?.content).toMatchObject({ sizes: [code.length, code.length + 1], firstOffset: code.length })
})

test('a failed build, a withdrawn source, a wheel of another target: each is told with its reason', async () => {
  const failure = { class: 'package', cause: 'compile-error', reason: 'no such header' } as const
  const failed = await reproduced({
    report: { wheel: undefined, failure } as unknown as Partial<BuildReport>
  })
  expect(failed.events.at(-1)).toMatchObject({ kind: 'failed', reason: 'no such header' })
  const withdrawn = await reproduced({ served: false })
  expect(withdrawn.events.at(-1)).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('upstream has no demo-1.0.tar.gz') as string
  })
  const retagged = await reproduced({ result: { builtAs: aResult().job } })
  expect(retagged.events.at(-1)).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('with other tags') as string
  })
})

test('what was not the same around the builds is named', async () => {
  const { environment } = aResult()
  const { events } = await reproduced({
    report: { environment: { ...environment, digest: sha256Hex('x'), compiler: 'another cc' } }
  })
  expect(reportIn(events).surroundings).toEqual([
    { what: 'compiler', published: environment.compiler, built: 'another cc' }
  ])
})
