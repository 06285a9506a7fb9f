/* The mesh of queue.bench.ts: its projects, their pages and records. */
import { sha256Hex } from '../src/core/digest.ts'
import { normalizeName } from '../src/core/distribution.ts'
import type { ProjectName, Sha256, TargetId } from '../src/core/ids.ts'
import { jobId } from '../src/core/job.ts'
import type { Entry, MeshRecord, ObservedRecord, ResultRecord } from '../src/core/record.ts'
import { createMeshState, type MeshState } from '../src/ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../src/ledger/page-book.ts'
import { JobBoard } from '../src/scheduler/job-board.ts'
import { createEntryCodec } from '../src/wire/entry-codec.ts'
import { sealGenesis } from '../src/wire/genesis.ts'
import { createVerifier } from '../src/wire/keys.ts'
import { signerOf } from '../test/support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../test/support/make-record.ts'
import { FakeClock } from '../test/support/test-ports.ts'

const CELLS = Number(process.argv[2] ?? 1_000_000)
export const TARGETS = [
  'cp39-linux_armv7l-glibc2.31',
  'cp311-linux_armv7l-glibc2.36',
  'cp311-linux_aarch64-glibc2.36',
  'cp313-linux_armv7l-glibc2.41',
  'cp313-linux_aarch64-glibc2.41'
] as string[] as TargetId[]
export const RELEASES = Math.round(CELLS / TARGETS.length)
/** Releases of project i: 5 in the mean, with a tail. */
const SHAPE = [1, 1, 2, 3, 3, 4, 5, 6, 10, 15]
const MIXES = ['new', 'new', 'new', 'pure', 'new', 'new', 'compiled', 'new', 'tried', 'new'] as const

export interface Project {
  readonly name: ProjectName
  readonly versions: readonly string[]
  readonly mix: (typeof MIXES)[number]
  readonly body: Uint8Array
  readonly digest: Sha256
}

export interface World {
  readonly state: MeshState
  readonly pages: PageBook
  readonly board: JobBoard
  readonly clock: FakeClock
  apply(...records: readonly MeshRecord[]): ReturnType<MeshState['apply']>
}

const root = signerOf('root')

export function aWorld(): World {
  const sealed = sealGenesis(aGenesis())
  const state = createMeshState(sealed.genesis, createEntryCodec(sealed.meshId, root, createVerifier()))
  const clock = new FakeClock()
  const pages = createPageBook(state.observations)
  const board = new JobBoard({ state, pages, clock, needPage: () => undefined })
  let seq = 0
  return {
    state,
    pages,
    board,
    clock,
    apply(...records) {
      seq++
      const entry = {
        meshId: sealed.meshId,
        node: root.nodeId,
        incarnation: '0'.repeat(16),
        seq,
        prev: ''
      } as const
      return state.apply({ ...entry, records, hash: sha256Hex(`entry ${seq}`) } satisfies Entry)
    }
  }
}

export function makeProjects(): readonly Project[] {
  const projects: Project[] = []
  for (let made = 0; made < RELEASES;) {
    const index = projects.length
    const count = Math.min(RELEASES - made, index % 100 === 99 ? 40 : (SHAPE[(index * 7) % 10] ?? 1))
    made += count
    const name = normalizeName(`project-${index}`)
    const mix = MIXES[Math.floor(index / 10) % 10] ?? 'new'
    const versions = Array.from({ length: count }, (_, i) => `${1 + Math.floor(i / 10)}.${i % 10}`)
    const body = new TextEncoder().encode(pageOf(name, versions, mix))
    projects.push({ name, versions, mix, body, digest: sha256Hex(body) })
  }
  return projects
}

function pageOf(name: ProjectName, versions: readonly string[], mix: Project['mix']): string {
  const file = (filename: string): object => ({
    filename,
    url: `https://files.example.org/packages/ab/cd/${filename}`,
    hashes: { sha256: sha256Hex(filename) },
    size: 12_345,
    'upload-time': '2017-05-01T12:00:00.000000Z',
    'requires-python': '>=3.6'
  })
  const wheelName = name.replaceAll('-', '_')
  const wheels = mix === 'pure' ? ['py3-none-any'] : mix === 'compiled' ? COMPILED : []
  const files = versions.flatMap((version) => [
    ...wheels.map((tag) => file(`${wheelName}-${version}-${tag}.whl`)),
    file(`${name}-${version}.tar.gz`)
  ])
  return JSON.stringify({ meta: { 'api-version': '1.1' }, name, versions, files })
}

const COMPILED = ['39', '311', '313'].flatMap((python) =>
  ['manylinux_2_17_x86_64.manylinux2014_x86_64', 'win_amd64', 'macosx_11_0_arm64'].map(
    (platform) => `cp${python}-cp${python}-${platform}`
  )
)

const RESULT = aResult()

export function resultOf(name: ProjectName, version: string, index: number): ResultRecord {
  const sdist = { filename: `${name}-${version}.tar.gz`, sha256: sha256Hex(`${name}-${version}.tar.gz`) }
  const job = jobId(name, version, TARGETS[0] ?? ('' as TargetId))
  const { wheel, ...rest } = { ...RESULT, job, sdist }
  const kind = index % 3
  if (wheel !== undefined && kind === 0) {
    const filename = `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`
    return { ...rest, wheel: { ...wheel, filename, sha256: sha256Hex(filename) } }
  }
  return { ...rest, failure: { class: kind === 1 ? 'package' : 'transient', cause: 'x', reason: 'why' } }
}

export const NODE: MeshRecord = {
  kind: 'node',
  saidMs: 1,
  label: '',
  contact: '',
  roles: ['build'],
  targets: TARGETS,
  hardware: { arch: 'arm', cores: 4, memoryBytes: 4e9, model: '' },
  software: 'bench',
  addresses: []
}

/** All entries' records, made before the clock starts. */
export function recordsOf(projects: readonly Project[]): readonly (readonly MeshRecord[])[] {
  const entries: MeshRecord[][] = []
  entries.push([NODE])
  for (let at = 0; at < projects.length; at += 500) {
    const some = projects.slice(at, at + 500)
    const specs = some.map(({ name }) => ({ project: name, specifier: '>=0' }))
    entries.push([aWant({ specs, priority: 'backlog', createdMs: 1_700_000_000_000 + at })])
  }
  for (let at = 0; at < projects.length; at += 50) {
    entries.push(projects.slice(at, at + 50).map(observed))
  }
  for (const [index, { name, versions, mix }] of projects.entries()) {
    if (mix === 'tried') entries.push(versions.map((version, i) => resultOf(name, version, index + i)))
  }
  return entries
}

export function observed({ name, digest, body }: Pick<Project, 'name' | 'digest' | 'body'>): ObservedRecord {
  return { kind: 'observed', project: name, serial: 1, page: digest, pageSize: body.length, observedMs: 1 }
}
