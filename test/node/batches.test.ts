import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId, type Job } from '../../src/core/job.ts'
import type { BuildReport, WheelBuilder } from '../../src/core/ports.ts'
import type { WantView } from '../../src/http/api-types.ts'
import type { IndexSource } from '../../src/http/simple-index.ts'
import type { BuildLimits, NodeRecord } from '../../src/core/record.ts'
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts'
import { settledOwnFeed } from '../../src/ledger/own-feed.ts'
import { createMeshState } from '../../src/ledger/mesh-state.ts'
import { createIndexSource } from '../../src/node/index-source.ts'
import { JobViews } from '../../src/node/job-views.ts'
import { createWantDesk, type WantDesk } from '../../src/node/want-desk.ts'
import { createDesk } from '../../src/scheduler/create-desk.ts'
import { createEngine, type Engine } from '../../src/scheduler/engine.ts'
import type { Observer } from '../../src/scheduler/observer.ts'
import type { WorkDesk } from '../../src/scheduler/work-desk.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult } from '../support/make-record.ts'
import { memoryBlobs } from '../support/memory-blobs.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { FakeClock, MemoryEntryStore, silentLog } from '../support/test-ports.ts'

const TARGET = 'cp311-linux_x86_64-glibc2.36' as TargetId
const BUILD_MS = 20_000

/** What a build comes to; `needs`: it fails unless the index that it is given has a wheel of that project. */
type Script = Readonly<Record<string, 'built' | 'fails' | { readonly needs: string }>>

const MESH = sealGenesis(aGenesis())
const A_BUILDER: NodeRecord = {
  kind: 'node',
  saidMs: 1,
  label: 'one',
  contact: '',
  roles: ['build'],
  targets: [TARGET],
  hardware: { arch: 'x64', cores: 1, memoryBytes: 1, model: '' },
  software: 't',
  addresses: []
}
/** The world of a node without peers. */
const ALONE = {
  blobs: { ensure: async () => 0 },
  witnesses: { load: async () => undefined, save: async () => undefined },
  connected: () => [],
  send: () => undefined,
  gossip: () => undefined,
  onNode: () => undefined,
  lacks: () => undefined
}
const SILENT_OBSERVER: Pick<Observer, 'refresh' | 'ageMs'> = {
  refresh: async () => undefined,
  ageMs: () => 0
}

/** A whole node that decides and serves, alone in its mesh, on a virtual clock and with builds by script. */
class OneNode {
  readonly clock = new FakeClock()
  readonly engine: Engine
  readonly wants: WantDesk
  readonly index: IndexSource
  readonly built: string[] = []
  readonly #ledger: Ledger
  readonly #store = memoryBlobs()
  readonly #desk: WorkDesk
  readonly #script: Script
  readonly #staged: IndexSource

  constructor(script: Script) {
    this.#script = script
    const { clock } = this
    const signer = signerOf('root')
    const self = signer.nodeId
    const codec = createEntryCodec(MESH.meshId, signer, createVerifier())
    const state = createMeshState(MESH.genesis, codec)
    const ledger = createLedger(
      {
        store: new MemoryEntryStore(),
        codec,
        clock,
        log: silentLog,
        bus: { publish: async () => 0 },
        ownFeed: settledOwnFeed('0'.repeat(16)),
        wasAdmitted: () => true
      },
      { meshId: MESH.meshId, self }
    )
    const engine = createEngine(
      { ...ALONE, clock, log: silentLog, state, ledger, store: this.#store },
      { self, boot: 1, roots: [self] }
    )
    const { pages, loader, board, coordination } = engine
    const whenBatchesKnown = Promise.resolve()
    const indexParts = { state, pages, loader, observer: SILENT_OBSERVER, clock, whenBatchesKnown }
    this.engine = engine
    this.#ledger = ledger
    this.index = createIndexSource({ ...indexParts, isStaged: (record) => board.batches.isStaged(record) })
    this.#staged = createIndexSource({ ...indexParts, isStaged: () => false })
    const builder: WheelBuilder = { build: ({ job }) => this.#build(job) }
    const capacity = (): BuildLimits => ({ memoryBytes: 1, diskBytes: 1, wallMs: 1 })
    this.#desk = createDesk(
      { engine, ledger, builder, clock, log: silentLog, random: seededRandom(1), capacity },
      { self, boot: 1, targets: [TARGET], slots: 2 }
    )
    const views = new JobViews({ state, board, coordination, clock })
    const servedTargets = (): readonly TargetId[] => state.nodes.targets().map(({ id }) => id)
    const upstreamTrouble = (): string => ''
    this.wants = createWantDesk({ state, pages, board, views, ledger, clock, servedTargets, upstreamTrouble })
  }

  async start(...names: readonly string[]): Promise<void> {
    await this.engine.load()
    await this.settle(this.#ledger.append(MESH.genesis, A_BUILDER))
    for (const name of names) await this.settle(this.#observe(name))
  }

  async #observe(name: string): Promise<void> {
    const sdist = {
      filename: `${name}-1.0.tar.gz`,
      url: `http://127.0.0.1/${name}-1.0.tar.gz`,
      hashes: { sha256: sha256Hex(`sdist ${name}`) }
    }
    const text = JSON.stringify({ meta: { 'api-version': '1.1' }, name, files: [sdist] })
    const page = sha256Hex(text)
    this.#store.bytes.set(page, new TextEncoder().encode(text))
    const project = normalizeName(name)
    await this.#ledger.append({
      kind: 'observed',
      project,
      serial: 0,
      page,
      pageSize: text.length,
      observedMs: 1
    })
  }

  async #build(job: Job): Promise<BuildReport> {
    this.built.push(job.project)
    await this.clock.sleep(BUILD_MS)
    const usesStaged = this.engine.board.batches.usesStaged(jobId(job.project, job.version, job.target))
    const how = this.#script[job.project]!
    if (typeof how === 'string') return reportOf(job, how === 'built')
    return reportOf(job, (await wheelsIn(usesStaged ? this.#staged : this.index, how.needs)) > 0)
  }

  /** Lets time pass until some work is done. */
  async settle<T>(work: Promise<T>): Promise<T> {
    const state = { isOver: false }
    const watched = work.finally(() => {
      state.isOver = true
    })
    while (!state.isOver) await this.pass(250)
    return watched
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.engine.coordination.tick()
      this.#desk.tick()
      await this.clock.advance(250)
    }
  }

  view(want: string): WantView {
    return this.wants.views(want)[0]!
  }

  /** Every different thing that the want's view said of its batch until the want was done, and how much was listed then. */
  async follow(want: string, names: readonly string[]): Promise<readonly string[]> {
    const said: string[] = []
    for (let looks = 0; looks < 4_000; looks++) {
      const { batch, done } = this.view(want)
      const listed = await Promise.all(names.map((name) => wheelsIn(this.index, name)))
      const now = `${batch!.state} ${batch!.round}, ${batch!.failing} failing, ${listed.reduce((a, b) => a + b)} listed`
      if (said.at(-1) !== now) said.push(now)
      if (done) return said
      await this.pass(250)
    }
    throw new Error(`it does not end: ${said.join('; ')}`)
  }
}

async function wheelsIn(index: IndexSource, name: string): Promise<number> {
  const found = await index.project(normalizeName(name))
  return found?.merged.files.filter(({ filename }) => filename.endsWith('.whl')).length ?? 0
}

function reportOf({ project, version }: Job, isFine: boolean): BuildReport {
  const { log, environment, wheel } = aResult()
  const filename = `${project}-${version}-cp311-cp311-linux_x86_64.whl`
  return {
    log,
    environment,
    durationMs: BUILD_MS,
    ...(isFine
      ? { wheel: { ...wheel!, filename, sha256: sha256Hex(filename) } }
      : { failure: { class: 'package', cause: 'compile-error', reason: 'it does not compile' } })
  }
}

const ask = { targets: [], batch: true, atomic: false } as const

describe('a batch on a whole node', () => {
  test('A needs B, both new: B is listed at once, and A in the second round', async () => {
    const node = new OneNode({ a: { needs: 'b' }, b: 'built' })
    await node.start('a', 'b')
    const { want } = await node.settle(node.wants.want({ ...ask, specs: ['a', 'b'] }))
    expect(node.view(want)).toMatchObject({ targets: [TARGET], batch: { state: 'gathering' }, done: false })
    expect(node.view(want).jobs.map(({ reason }) => reason)).toContain('its batch is still gathering')
    expect(await node.follow(want, ['a', 'b'])).toEqual([
      'gathering 1, 0 failing, 0 listed',
      'building 1, 0 failing, 0 listed',
      'building 2, 1 failing, 1 listed',
      'done 2, 0 failing, 2 listed'
    ])
    expect(node.built.sort()).toEqual(['a', 'a', 'b'])
  })

  test('atomic: A is built against a B that nobody else sees, and both are listed together', async () => {
    const node = new OneNode({ a: { needs: 'b' }, b: 'built' })
    await node.start('a', 'b')
    const { want } = await node.settle(node.wants.want({ ...ask, atomic: true, specs: ['a', 'b'] }))
    expect(await node.follow(want, ['a', 'b'])).toEqual([
      'gathering 1, 0 failing, 0 listed',
      'building 1, 0 failing, 0 listed',
      'building 2, 1 failing, 0 listed',
      'done 2, 0 failing, 2 listed'
    ])
  })

  test('what fails twice is given up; each result says which time it was', async () => {
    const node = new OneNode({ a: 'fails', b: 'built' })
    await node.start('a', 'b')
    const { want } = await node.settle(node.wants.want({ ...ask, atomic: true, specs: ['a', 'b'] }))
    const said = await node.follow(want, ['a', 'b'])
    expect(said.at(-1)).toBe('stopped 2, 1 failing, 1 listed')
    expect(said.slice(0, -1).every((line) => line.endsWith('0 listed'))).toBe(true)
    expect(node.view(want)).toMatchObject({ batch: { failingJobs: [`a==1.0@${TARGET}`] }, done: true })
    expect(
      node
        .view(want)
        .jobs.map(({ state }) => state)
        .sort()
    ).toEqual(['built', 'failed'])
    expect(node.built.sort()).toEqual(['a', 'a', 'b'])
  })

  test('an ordinary want has no batch, and is done when its jobs are', async () => {
    const node = new OneNode({ a: 'fails' })
    await node.start('a')
    const { want } = await node.settle(node.wants.want({ ...ask, batch: false, specs: ['a'] }))
    await node.pass(60_000)
    expect(node.view(want)).toMatchObject({ targets: [], done: true })
    expect(node.view(want).batch).toBeUndefined()
    expect(node.built).toEqual(['a'])
  })

  test('without a builder there is nothing that it could be for, unless targets are named', async () => {
    const node = new OneNode({})
    await expect(node.wants.want({ ...ask, specs: ['a'] })).rejects.toThrow(
      'no node that builds is there now'
    )
    const { want } = await node.settle(node.wants.want({ ...ask, specs: ['a'], targets: [TARGET] }))
    expect(node.view(want)).toMatchObject({ targets: [TARGET], done: false })
  })
})
