import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import {
  ASK_BURST,
  DEMAND_SPACING_MS,
  DEMAND_TURN_MS,
  MAX_DEMAND_WANTS_PER_DAY,
  MAX_DEMAND_WANTS_PER_HOUR
} from '../../src/core/limits.ts'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import type { WantRecord } from '../../src/core/record.ts'
import { publishedWheels } from '../../src/ledger/catalogue.ts'
import { MeshDemandDesk, type DemandDeskParts } from '../../src/node/demand-desk.ts'
import { aMesh, cp311, cp313, demo, type BoardMesh } from '../scheduler/board-mesh.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { silentLog } from '../support/test-ports.ts'

interface Desk {
  readonly mesh: BoardMesh
  readonly desk: MeshDemandDesk
  readonly wants: WantRecord[]
  /** pip asks for the page again and again, as on different days. */
  readonly need: (over?: Readonly<Record<string, unknown>>, project?: string) => Promise<void>
}

/** A node of a mesh that builds for three Pythons; `demo` has an sdist of 1.0 and nothing else. */
function aDesk(over: Partial<DemandDeskParts> = {}, files?: readonly string[]): Desk {
  const mesh = aMesh()
  const { state, pages, board, clock, root } = mesh
  if (files === undefined) mesh.observe()
  else mesh.observe(pageWith(files))
  const wants: WantRecord[] = []
  const desk = new MeshDemandDesk({
    self: root.nodeId,
    state,
    pages,
    board,
    clock,
    log: silentLog,
    isOn: true,
    isReady: () => true,
    ledger: {
      append: async (...records) => {
        for (const record of records) if (record.kind === 'want') wants.push(record)
        mesh.feed(...records)
        return records.map(() => '')
      }
    },
    index: {
      project: async (name) => {
        const [page, releases] = [pages.page(name), pages.releases(name)?.releases]
        if (page === undefined || releases === undefined) return undefined
        const wheels = publishedWheels(state, name, releases, () => false)
        const merged = mergeProject({ page, wheels, fits: fileFitsTarget })
        return merged && { merged, revision: '' }
      }
    },
    ...over
  })
  const need = async (what: Readonly<Record<string, unknown>> = {}, project = 'demo'): Promise<void> => {
    for (let i = 0; i < 2; i++) {
      desk.seen(normalizeName(project), agent(what))
      await clock.advance(DEMAND_SPACING_MS)
    }
    desk.tick()
    await clock.advance(DEMAND_TURN_MS)
  }
  return { mesh, desk, wants, need }
}

function pageWith(files: readonly string[]): string {
  return JSON.stringify({
    meta: { 'api-version': '1.1', '_last-serial': 9 },
    name: 'demo',
    files: files.map((filename) => ({
      filename,
      url: `http://127.0.0.1/${filename}`,
      hashes: { sha256: 'a'.repeat(64) }
    }))
  })
}

function agent(over: Readonly<Record<string, unknown>> = {}): string {
  return `pip/26.2 ${JSON.stringify({
    cpu: 'x86_64',
    python: '3.11.2',
    implementation: { name: 'CPython' },
    system: { name: 'Linux' },
    distro: { libc: { lib: 'glibc', version: '2.36' } },
    ...over
  })}`
}

test('a wheel that clients lack and the mesh can build is wanted: this release, this target, low priority', async () => {
  const { wants, need, desk, mesh } = aDesk()
  await need()
  expect(wants).toMatchObject([
    {
      specs: [{ project: 'demo', specifier: '==1.0' }],
      targets: [cp311],
      priority: 'popular',
      batch: false,
      atomic: false
    }
  ])
  expect(mesh.board.get(jobId(demo, '1.0', cp311))).toBeDefined()
  expect(desk.standing()).toEqual({ on: true, counted: 1, wants: 1 })
})

test('it is wanted once, however long they go on asking', async () => {
  const { wants, need } = aDesk()
  for (let i = 0; i < 10; i++) await need()
  expect(wants).toHaveLength(1)
})

const served = [
  { id: 'upstream has a wheel that fits', files: ['demo-1.0.tar.gz', 'demo-1.0-py3-none-any.whl'] },
  {
    id: 'upstream has one for this very machine',
    files: ['demo-1.0.tar.gz', 'demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl']
  },
  { id: 'there is nothing to build from', files: ['demo-1.0-cp313-cp313-win_amd64.whl'] },
  { id: 'there are pre-releases only', files: ['demo-2.0rc1.tar.gz'] }
]

test.for(served)('nothing is wanted when $id', async ({ files }) => {
  const { wants, need } = aDesk({}, files)
  await need()
  expect(wants).toEqual([])
})

test('a wheel of the release before is none of the newest', async () => {
  const { wants, need } = aDesk({}, ['demo-1.0.tar.gz', 'demo-0.9-py3-none-any.whl', 'demo-0.9.tar.gz'])
  await need()
  expect(wants).toHaveLength(1)
})

const elsewhere = [
  { id: 'another machine', what: { cpu: 'riscv64' } },
  { id: 'another Python', what: { python: '3.8.1' } },
  {
    id: 'an older C library than anybody builds with',
    what: { distro: { libc: { lib: 'glibc', version: '2.31' } } }
  },
  { id: 'another C library', what: { distro: { libc: { lib: 'musl', version: '1.2' } } } }
]

test.for(elsewhere)('nothing is wanted for what the mesh cannot build: $id', async ({ what }) => {
  const { wants, need, desk } = aDesk()
  await need(what)
  expect(wants).toEqual([])
  expect(desk.standing().wants).toBe(0)
})

test('a newer C library than that of the builders does', async () => {
  const { wants, need } = aDesk()
  await need({ distro: { libc: { lib: 'glibc', version: '2.41' } } })
  expect(wants.map(({ targets }) => targets)).toEqual([[cp311]])
})

test('what somebody skips, wants already or built is left alone', async () => {
  const skipped = aDesk()
  skipped.mesh.feed({ kind: 'skip', project: demo, version: '', reason: 'malware', createdMs: 1 })
  await skipped.need()
  expect(skipped.wants).toEqual([])
  const wanted = aDesk()
  const spec = { project: demo, specifier: '' }
  const rest = { targets: [], priority: 'request', batch: false, atomic: false } as const
  wanted.mesh.feed({ kind: 'want', specs: [spec], createdMs: 1, ...rest })
  await wanted.need()
  expect(wanted.wants).toEqual([])
})

test('switched off, nothing is counted and nobody is served', async () => {
  const { desk, need, wants } = aDesk({ isOn: false })
  await need()
  expect(desk.standing()).toEqual({ on: false, counted: 0, wants: 0 })
  expect(await desk.ask(demo)).toMatchObject({ kind: 'refused', code: 'off' })
  expect(wants).toEqual([])
})

test('the button asks for every target that lacks a wheel, once', async () => {
  const { desk, wants, mesh } = aDesk()
  const targets = mesh.state.nodes.targets().map(({ id }) => id)
  expect(await desk.ask(demo)).toMatchObject({ kind: 'asked', targets })
  expect(wants).toMatchObject([{ targets, priority: 'popular', specs: [{ specifier: '==1.0' }] }])
  expect(await desk.ask(demo)).toMatchObject({ kind: 'already' })
  expect(wants).toHaveLength(1)
})

test('the button says why nothing can be asked for', async () => {
  const { desk } = aDesk({}, ['demo-1.0-cp313-cp313-win_amd64.whl'])
  expect(await desk.ask(demo)).toMatchObject({ kind: 'refused', code: 'nothing-to-build' })
  expect(await desk.ask(normalizeName('no-such'))).toMatchObject({ kind: 'refused', code: 'unknown' })
  const gone = aDesk({ index: { project: async () => Promise.reject(new Error('upstream is down')) } })
  const answer = await gone.desk.ask(demo)
  expect(answer).toMatchObject({ kind: 'refused', code: 'unknown' })
  expect(JSON.stringify(answer)).not.toContain('upstream is down')
})

test('presses of the button are bounded, and later they count again', async () => {
  const { desk, mesh } = aDesk()
  for (let i = 0; i < ASK_BURST; i++) await desk.ask(demo)
  expect(await desk.ask(demo)).toMatchObject({ kind: 'refused', code: 'busy' })
  await mesh.clock.advance(60_000)
  expect(await desk.ask(demo)).toMatchObject({ kind: 'already' })
})

/** Wants for other projects that nodes wrote for their clients. */
function fill(mesh: BoardMesh, count: number, author = signerOf('root')): void {
  for (let i = 0; i < count; i++) {
    const specs = [{ project: normalizeName(`p${i}`), specifier: '==1' }]
    const rest = { targets: [cp313] as TargetId[], priority: 'popular', batch: false, atomic: false } as const
    mesh.feedBy(author, { kind: 'want', specs, createdMs: mesh.clock.wallMs(), ...rest })
  }
}

test('a node writes so many an hour, and then again', async () => {
  const { mesh, need, wants, desk } = aDesk()
  fill(mesh, MAX_DEMAND_WANTS_PER_HOUR)
  await need()
  expect(wants).toEqual([])
  expect(await desk.ask(demo)).toMatchObject({ kind: 'refused', code: 'busy' })
  await mesh.clock.advance(3_600_000)
  await need()
  expect(wants).toHaveLength(1)
})

test('the mesh takes so many a day, whoever writes them', async () => {
  const { mesh, need, wants } = aDesk()
  fill(mesh, MAX_DEMAND_WANTS_PER_DAY, signerOf('second'))
  await need()
  expect(wants).toEqual([])
})

test('hostile clients: random names, targets and texts leave nothing behind but a bounded count', async () => {
  const { desk, wants, mesh, need } = aDesk()
  for (let i = 0; i < 5_000; i++) {
    desk.seen(normalizeName(`x${i}`), agent({ cpu: `m${i}` }))
    desk.seen(demo, `pip/26.2 {"cpu":"${'x'.repeat(i)}`)
  }
  expect(desk.standing().counted).toBeLessThanOrEqual(2_000)
  await need({}, 'no-such-project')
  expect(wants).toEqual([])
  expect([...mesh.state.wishes.projects()]).toEqual([])
})
