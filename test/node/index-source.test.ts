import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectName, TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import { PAGE_FRESH_MS } from '../../src/core/limits.ts'
import type { MeshRecord, ResultRecord } from '../../src/core/record.ts'
import { createMeshState } from '../../src/ledger/mesh-state.ts'
import { createPageBook } from '../../src/ledger/page-book.ts'
import { createIndexSource } from '../../src/node/index-source.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealEntry } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { testApp, upstreamFile } from '../http/http-fixtures.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'

const ROOT = signerOf('root')
const MESH = sealGenesis(aGenesis())
const TARGET = 'cp311-linux_x86_64-glibc2.36' as TargetId
const DEMO = normalizeName('demo')
const OTHER = normalizeName('other')
const JSON_V1 = { accept: 'application/vnd.pypi.simple.v1+json' }

/** What a node knows, and an upstream that is asked by script. */
class Known {
  readonly clock = new FakeClock()
  readonly asked: string[] = []
  readonly codec = createEntryCodec(MESH.meshId, ROOT, createVerifier())
  readonly state = createMeshState(MESH.genesis, this.codec)
  readonly pages = createPageBook(this.state.observations)
  readonly askedMs = new Map<string, number>()
  loads = 0
  upstream: (name: ProjectName) => Promise<void> = () => Promise.resolve()
  #seq = 0
  #prev = ''

  readonly index = createIndexSource({
    state: this.state,
    pages: this.pages,
    clock: this.clock,
    loader: {
      load: async () => {
        this.loads += 1
        return false
      },
      loadHeld: async () => false,
      need: () => undefined,
      stop: () => undefined
    },
    observer: {
      refresh: async (name) => {
        this.asked.push(name)
        await this.upstream(name)
        this.askedMs.set(name, this.clock.monotonicMs())
      },
      ageMs: (name) => {
        if (this.state.observations.newest(name) === undefined) return undefined
        return this.clock.monotonicMs() - (this.askedMs.get(name) ?? 0)
      }
    },
    isStaged: () => false,
    whenBatchesKnown: Promise.resolve()
  })

  say(...records: readonly MeshRecord[]): void {
    this.#seq += 1
    const sealed = sealEntry(ROOT, {
      meshId: MESH.meshId,
      incarnation: 'a'.repeat(16),
      seq: this.#seq,
      prev: this.#prev as '',
      records
    })
    this.#prev = sealed.hash
    this.state.apply(this.codec.open(sealed.bytes))
  }

  observe(project: ProjectName, over: Readonly<Record<string, unknown>> = {}): void {
    const sdist = upstreamFile(`${project}-1.0.tar.gz`, over)
    const files = over['gone'] === true ? [] : [sdist]
    const body = Buffer.from(JSON.stringify({ meta: {}, name: project, files, versions: ['1.0'] }))
    const page = sha256Hex(body)
    const observedMs = 1_000 + this.#seq
    this.say({ kind: 'observed', project, serial: 0, page, pageSize: body.byteLength, observedMs })
    this.pages.put(project, page, body)
  }
}

function resultOf(project: ProjectName, tag = 'cp311'): ResultRecord {
  const { wheel, ...base } = aResult()
  const filename = `${project}-1.0-${tag}-${tag}-linux_x86_64.whl`
  return {
    ...base,
    job: jobId(project, '1.0', TARGET),
    sdist: { filename: `${project}-1.0.tar.gz`, sha256: sha256Hex(`${project}-1.0.tar.gz`), size: 1_000 },
    wheel: { ...wheel!, filename, sha256: sha256Hex(filename) }
  }
}

async function filesOf(known: Known, name = DEMO): Promise<readonly string[]> {
  return (await known.index.project(name))?.merged.files.map(({ filename }) => filename) ?? []
}

describe('a page that changed', () => {
  test('is fresh at the next request, and no other page is made again', async () => {
    const known = new Known()
    known.observe(DEMO)
    known.observe(OTHER)
    const { app } = testApp({ index: known.index })
    for (const path of ['/simple/demo/', '/simple/other/']) await app.request(path, { headers: JSON_V1 })
    const other = known.index.standing?.(OTHER)
    expect(known.index.standing?.(DEMO)?.revision).toBeDefined()
    known.say(resultOf(DEMO))
    expect(known.index.standing?.(DEMO)).toBeUndefined()
    expect(known.index.standing?.(OTHER)).toEqual(other)
    const body = await (await app.request('/simple/demo/', { headers: JSON_V1 })).text()
    expect(body).toContain('demo-1.0-cp311-cp311-linux_x86_64.whl')
  })

  test('yanks, deletions and quarantines upstream reach our wheels with the next page', async () => {
    const known = new Known()
    known.observe(DEMO)
    known.say(resultOf(DEMO))
    expect((await filesOf(known)).length).toBe(2)
    known.observe(DEMO, { yanked: 'CVE-2026-1' })
    expect((await known.index.project(DEMO))?.merged.files.at(-1)?.yanked).toBe('CVE-2026-1')
    known.observe(DEMO, { gone: true })
    expect(await filesOf(known)).toEqual([])
    known.observe(DEMO, { yanked: false })
    expect((await filesOf(known)).length).toBe(2)
  })

  test('another build of the same bytes is told, too: pages are the same on every node', async () => {
    const known = new Known()
    known.observe(DEMO)
    known.say({ ...resultOf(DEMO), startedMs: 50_000 })
    const before = (await known.index.project(DEMO))?.revision
    const { fence, ...later } = resultOf(DEMO)
    known.say({ ...later, fence: { ...fence, term: 0 }, startedMs: 10_000 })
    const after = await known.index.project(DEMO)
    expect(after?.merged.files.at(-1)?.uploadTime).toContain('1970-01-01T00:00:11')
    expect(after?.revision).not.toBe(before)
  })
})

describe('waiting for upstream', () => {
  test('a page that is old is asked for, and served when upstream is gone; nobody waits again at once', async () => {
    const known = new Known()
    known.observe(DEMO)
    expect((await filesOf(known)).length).toBe(1)
    await known.clock.advance(PAGE_FRESH_MS)
    known.upstream = () => Promise.reject(new Error('no route'))
    expect((await filesOf(known)).length).toBe(1)
    expect((await filesOf(known)).length).toBe(1)
    expect(known.asked).toEqual(['demo'])
    expect(known.index.standing?.('demo')?.ageMs).toBeGreaterThanOrEqual(PAGE_FRESH_MS)
    await known.clock.advance(11_000)
    expect(known.index.standing?.('demo')).toBeUndefined()
    known.upstream = () => Promise.resolve()
    expect((await known.index.project(DEMO))?.ageMs).toBe(0)
  })

  test('a slow upstream keeps nobody waiting for a page that is here', async () => {
    const known = new Known()
    known.observe(DEMO)
    await known.clock.advance(PAGE_FRESH_MS)
    known.upstream = () => new Promise(() => undefined)
    const found = known.index.project(DEMO)
    await known.clock.advance(3_000)
    expect((await found)?.merged.files.length).toBe(1)
  })

  test('a page that nobody has is refused after a while, and at once after that', async () => {
    const known = new Known()
    known.upstream = () => new Promise(() => undefined)
    const found = known.index.project(DEMO)
    const refused = expect(found).rejects.toThrow('did not answer')
    await known.clock.advance(10_000)
    await refused
    await expect(known.index.project(DEMO)).rejects.toThrow('a moment ago')
    expect(known.asked).toEqual(['demo'])
  })

  test('a project that upstream does not have is no trouble', async () => {
    const known = new Known()
    expect(await known.index.project(DEMO)).toBeUndefined()
    expect(await known.index.project(DEMO)).toBeUndefined()
    expect(known.asked).toEqual(['demo', 'demo'])
  })
})

describe('lists of projects', () => {
  test('follow what upstream has; the array stays the same while they do not change', async () => {
    const known = new Known()
    known.observe(OTHER)
    known.observe(DEMO)
    const names = await known.index.projectNames()
    expect(names).toEqual(['demo', 'other'])
    known.observe(DEMO, { yanked: true })
    expect(await known.index.projectNames()).toBe(names)
    known.say({ kind: 'observed', project: OTHER, serial: 0, pageSize: 0, observedMs: 9_000 })
    known.observe(normalizeName('third'))
    expect(await known.index.projectNames()).toEqual(['demo', 'third'])
  })

  test('of the mesh: those with wheels of ours alone', async () => {
    const known = new Known()
    known.observe(DEMO)
    known.observe(OTHER)
    expect(await known.index.meshProjectNames?.()).toEqual([])
    known.say(resultOf(OTHER))
    const names = await known.index.meshProjectNames?.()
    expect(names).toEqual(['other'])
    expect(await known.index.meshProjectNames?.()).toBe(names)
    known.say({ kind: 'retract', file: resultOf(OTHER).wheel!.sha256, reason: 'malware' })
    expect(await known.index.meshProjectNames?.()).toEqual([])
  })
})
