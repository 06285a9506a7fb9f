import fc from 'fast-check'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectName, TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { Failure, MeshRecord, ResultRecord } from '../../src/core/record.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../support/make-record.ts'

/* Three feeds of a small mesh, written anyhow: what the merge laws are tested on. */

export const AUTHORS = ['root', 'second', 'third'].map(signerOf)
export const founded = sealGenesis(aGenesis({ roots: AUTHORS.map(({ nodeId }) => nodeId) }))
export const PROJECTS = ['demo', 'other'].map(normalizeName)
export const TARGETS = [
  'cp39-linux_armv7l-glibc2.31',
  'cp311-linux_armv7l-glibc2.36',
  'cp311-linux_aarch64-glibc2.36'
] as string[] as TargetId[]
const VERSIONS = ['0.9', '1.0', '2.0rc1']
const TAGS = ['py3-none-any', 'cp39-cp39-linux_armv7l', 'cp39-abi3-linux_armv7l', 'cp311-cp311-linux_aarch64']

/** Upstream's page of a project, as it was and as it is after a yank, a new wheel and a replaced archive. */
export const PAGES = new Map(
  PROJECTS.flatMap((project) => [false, true].map((later) => [pageText(project, later), project] as const))
)

function pageText(project: ProjectName, later: boolean): string {
  const file = (filename: string, more: object = {}): object => ({
    filename,
    url: `http://127.0.0.1/${filename}`,
    hashes: { sha256: sha256Hex(filename) },
    ...more
  })
  const files = [
    file(`${project}-0.9.tar.gz`, later ? { yanked: true } : {}),
    file(`${project}-1.0.tar.gz`, later ? { hashes: { sha256: sha256Hex('replaced') } } : {}),
    file(`${project}-2.0rc1.tar.gz`, { 'requires-python': '>=3.11' }),
    ...(later ? [file(`${project}-0.9-cp311-cp311-manylinux_2_17_aarch64.whl`)] : [])
  ]
  return JSON.stringify({ meta: { 'api-version': '1.1' }, name: project, files })
}

const small = fc.integer({ min: 1, max: 4 })
const project = fc.constantFrom(...PROJECTS)
const someTargets = fc.subarray(TARGETS)
const someLimits = fc.record({
  memoryBytes: fc.constantFrom(100, 200),
  diskBytes: fc.constant(100),
  wallMs: fc.constant(100)
})

const failure: fc.Arbitrary<Failure> = fc.constantFrom<Failure>(
  { class: 'package', cause: 'compile-error', reason: 'no' },
  { class: 'transient', cause: 'network', reason: 'later' },
  { class: 'infra', cause: 'disk-full', reason: 'here' },
  { class: 'resource', cause: 'out-of-memory', reason: 'more' },
  { class: 'missing-dependency', cause: 'missing-header', reason: 'jpeg', missing: 'libjpeg-dev' }
)

const result: fc.Arbitrary<ResultRecord> = fc
  .record({
    name: project,
    version: fc.constantFrom(...VERSIONS),
    target: fc.constantFrom(...TARGETS),
    tags: fc.constantFrom(...TAGS),
    failed: fc.option(failure),
    limits: someLimits,
    term: small
  })
  .map(({ name, version, target, tags, failed, limits, term }) => {
    const base = aResult()
    const sdist = { filename: `${name}-${version}.tar.gz`, sha256: sha256Hex(`${name}-${version}.tar.gz`) }
    const { wheel, ...rest } = {
      ...base,
      job: jobId(name, version, target),
      sdist,
      fence: { ...base.fence, term }
    }
    if (failed !== null || wheel === undefined)
      return { ...rest, failure: failed ?? { class: 'package', cause: '', reason: '' }, limits }
    const filename = `${name}-${version}-${tags}.whl`
    return { ...rest, wheel: { ...wheel, filename, sha256: sha256Hex(`${filename} ${term}`) } }
  })

const record: fc.Arbitrary<MeshRecord> = fc.oneof(
  { weight: 6, arbitrary: result },
  {
    weight: 4,
    arbitrary: fc
      .record({
        name: project,
        specifier: fc.constantFrom('', '>=0', '==2.0rc1', '<1'),
        targets: fc.oneof(fc.constant([]), someTargets),
        priority: fc.constantFrom(
          'request' as const,
          'release' as const,
          'popular' as const,
          'backlog' as const
        ),
        createdMs: small
      })
      .map(({ name, specifier, ...rest }) => aWant({ specs: [{ project: name, specifier }], ...rest }))
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ name: project, createdMs: fc.constantFrom(1, 2) })
      .map(({ name, createdMs }) => ({ kind: 'unwant' as const, projects: [name], createdMs }))
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('skip' as const, 'unskip' as const),
      project,
      version: fc.constantFrom('', '1.0'),
      reason: fc.constant('so'),
      createdMs: small
    })
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ text: fc.constantFrom(...PAGES.keys()), serial: small })
      .map(({ text, serial }) => ({
        kind: 'observed' as const,
        project: PAGES.get(text)!,
        serial,
        page: sha256Hex(text),
        pageSize: text.length,
        observedMs: 1
      }))
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        targets: someTargets,
        limits: fc.option(someLimits, { nil: undefined }),
        saidMs: small,
        has: fc.boolean()
      })
      .map(({ targets, limits, saidMs, has }) => ({
        kind: 'node' as const,
        saidMs,
        label: '',
        contact: '',
        roles: ['build' as const],
        targets,
        hardware: { arch: 'arm', cores: 1, memoryBytes: 1, model: '' },
        software: 't',
        addresses: [],
        ...(limits && { limits }),
        ...(has && { packages: ['libjpeg-dev'] })
      }))
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...TAGS)
      .map((tags) => ({ kind: 'retract' as const, file: sha256Hex(`demo-1.0-${tags}.whl 1`), reason: 'bad' }))
  },
  {
    weight: 1,
    arbitrary: fc.constant({ kind: 'revoke' as const, subject: AUTHORS[2]!.nodeId, reason: 'gone' })
  }
)

export const feeds = fc.tuple(
  ...AUTHORS.map(() => fc.array(fc.array(record, { minLength: 1, maxLength: 3 }), { maxLength: 6 }))
)
