import { gzipSync } from 'node:zlib'
import { failureCauses } from '../../src/build/classify-failure.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { Sha256, TargetId } from '../../src/core/ids.ts'
import { parseTarget } from '../../src/core/target.ts'
import type { AppParts } from '../../src/http/app.ts'
import type { FeedBuild } from '../../src/http/feed-routes.ts'
import type { CellView, ProjectView, ReleaseView, WheelView } from '../../src/http/project-view.ts'
import { failedLog } from './log-text.ts'

/*
 * A mesh as it might be on a Sunday evening, for pictures: everything is made up but the program that shows it.
 */

const NOW_MS = Date.UTC(2026, 0, 18, 19, 42)
const MINUTE = 60_000
const NODES = ['pi-kitchen', 'pi-attic', 'shed-4b', 'library-5'] as const
const TARGETS = [
  'cp39-linux_armv7l-glibc2.31',
  'cp311-linux_armv7l-glibc2.36',
  'cp313-linux_armv7l-glibc2.41',
  'cp313-linux_aarch64-glibc2.41'
].map((text) => parseTarget(text).id)

const log = failedLog()
const blob = gzipSync(log)
export const LOG = sha256Hex(blob)

const FAILURE = {
  class: 'missing-dependency',
  cause: 'missing-header',
  reason: 'the header ffi.h is missing: apt install libffi-dev'
}

function aBuild(
  at: number,
  [project, version, place, minutes]: readonly [string, string, number, number],
  failure?: typeof FAILURE
): FeedBuild {
  const target = TARGETS[place] ?? ''
  const wheel = {
    filename: `${project}-${version}.whl`,
    sha256: sha256Hex(`${project}${at}`),
    size: 2_345_678
  }
  return {
    recordId: `r${at}:0`,
    job: `${project}==${version}@${target}`,
    project,
    version,
    target,
    builder: '12D3KooWEtQhQWVDs2jyLbmfVcqbNg1ws3rLVYBjGp8gWeDcPg6v',
    label: NODES[at % NODES.length] ?? '',
    finishedMs: NOW_MS - (at * at * 7 + 3) * MINUTE,
    durationMs: minutes * MINUTE,
    log: LOG,
    ...(failure === undefined ? { wheel } : { failure })
  }
}

const BUILDS = (
  [
    ['numpy', '2.3.5', 2, 47],
    ['lxml', '6.0.2', 2, 19],
    ['cffi', '2.0.0', 1, 2],
    ['pillow', '12.0.0', 3, 6],
    ['RPi-GPIO', '0.7.1', 2, 1],
    ['cryptography', '46.0.3', 1, 88]
  ] as const
).map((one, at) => aBuild(at, one))

const VERSIONS = [
  '2.0.0',
  '2.0.0b1',
  '1.17.1',
  '1.17.0',
  '1.16.0',
  '1.15.1',
  '1.15.0',
  '1.14.6',
  '1.14.5',
  '1.14.4',
  '1.14.3',
  '1.14.2'
]

/** What is not simply built, by version and place of the target. */
const ODD_CELLS: Readonly<Record<string, Omit<CellView, 'target'>>> = {
  '2.0.0 0': { state: 'excluded', reason: 'needs Python >=3.10' },
  '2.0.0 2': { state: 'failed', reason: FAILURE.reason, cause: FAILURE.cause, log: LOG },
  '2.0.0 3': { state: 'waiting', reason: 'nobody asked for it', asked: false },
  '1.17.1 2': { state: 'building', reason: '' }
}
const TOO_OLD: Omit<CellView, 'target'> = {
  state: 'failed',
  reason: 'it does not compile: c/_cffi_backend.c:407:23: error: unknown type name ‘Py_UNICODE’',
  cause: 'compile-error',
  log: LOG
}

const SHIPPED: Omit<CellView, 'target'> = { state: 'upstream', reason: 'upstream ships a wheel' }

function aCell(version: string, target: TargetId, at: number): CellView {
  const usual = at === 3 ? SHIPPED : undefined
  const odd = ODD_CELLS[`${version} ${at}`] ?? (version.startsWith('1.14') && at === 0 ? TOO_OLD : usual)
  const cell = odd ?? { state: 'built', reason: '', log: LOG }
  if (cell.log === undefined) return { target, ...cell }
  const build = {
    builder: '12D3KooWEtQhQWVDs2jyLbmfVcqbNg1ws3rLVYBjGp8gWeDcPg6v',
    label: NODES[(at + version.length) % NODES.length] ?? '',
    finishedMs: NOW_MS - at * 60 * MINUTE,
    durationMs: (2 + at * 3) * MINUTE
  }
  return { target, ...cell, build }
}

function aWheel(version: string, target: TargetId): WheelView {
  const [python = '', platform = ''] = target.split('-')
  const filename = `cffi-${version}-${python}-${python}-${platform}.whl`
  return {
    filename,
    sha256: sha256Hex(filename),
    size: 412_345,
    target,
    requiresPython: '>=3.9',
    aptPackages: ['libffi8'],
    pipDependencies: ['pycparser'],
    builder: NODES[0],
    log: LOG,
    yanked: false
  }
}

function aRelease(version: string, at: number): ReleaseView {
  const cells = TARGETS.map((target, place) => aCell(version, target, place))
  const built = cells.filter(({ state }) => state === 'built')
  return {
    version,
    releasedMs: NOW_MS - (at * 45 + 12) * 24 * 60 * MINUTE,
    prerelease: version.includes('b'),
    yanked: version === '1.15.0',
    skipReason: '',
    wheels: built.map(({ target }) => aWheel(version, target)),
    cells
  }
}

const PROJECT: ProjectView = {
  name: normalizeName('cffi'),
  displayName: 'cffi',
  summary: 'Foreign Function Interface for Python calling C code.',
  upstreamUrl: '',
  targets: TARGETS,
  releases: VERSIONS.map(aRelease),
  first: 0,
  total: VERSIONS.length
}

const NAMES = [
  'numpy',
  'numba',
  'num2words',
  'numexpr',
  'numpy-financial',
  'numpy-stl',
  'numcodecs',
  'numerize',
  'pynumero'
]

type Scene = Pick<AppParts, 'people' | 'projects' | 'logs'>

export const SCENE: Scene = {
  projects: { view: async () => PROJECT },
  logs: {
    has: (digest: Sha256) => digest === LOG,
    open: async () => ({ size: blob.byteLength, chunks: once(blob) })
  },
  people: {
    home: {
      home: async () => ({
        mesh: 'Harbour Street',
        node: NODES[0],
        version: '0.1.0',
        nowMs: NOW_MS,
        nodes: { known: 4, here: 3 },
        wheels: 1_284,
        queue: { building: 2, waiting: 17, failed: 61 },
        targets: TARGETS,
        newest: BUILDS
      })
    },
    search: {
      find: async (query, limit) => ({
        projects: NAMES.filter((name) => name.includes(query))
          .slice(0, limit)
          .map((name, at) => ({ name, note: at % 3 === 0 ? `${12 - at} wheels of this mesh` : '' })),
        known: 3_412
      })
    },
    feeds: {
      meshId: sha256Hex('mesh'),
      mesh: 'Harbour Street',
      createdMs: 0,
      wheels: () => BUILDS,
      failures: () => []
    },
    builds: {
      ofLog: () => [{ ...aBuild(1, ['cffi', '2.0.0', 2, 2], FAILURE) }]
    },
    causes: failureCauses(),
    ask: async () => ({ kind: 'asked', targets: [TARGETS[3]!], reason: 'cffi 2.0.0 was asked for.' })
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
