import { viewHash } from '../../src/core/coordination.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { Signer } from '../../src/core/ports.ts'
import type { BuildEnvironment, GenesisRecord, InviteTerms, MeshRecord } from '../../src/core/record.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { makeTicket, proveJoin } from '../../src/wire/invite.ts'
import { createSigner } from '../../src/wire/keys.ts'
import { aNode } from './node-sample.ts'

/* What the wire vectors are made of: generate-wire.ts turns it into bytes. */

const SEEDS = { root: 0x01, newcomer: 0x02, invite: 0x03, builder: 0x04, stranger: 0x05 } as const

export function seedOf(who: keyof typeof SEEDS): Uint8Array {
  return new Uint8Array(32).fill(SEEDS[who])
}

function signerOf(who: keyof typeof SEEDS): Signer {
  return createSigner(seedOf(who))
}

export const root = signerOf('root')
export const newcomer = signerOf('newcomer')
export const builder = signerOf('builder')
export const stranger = signerOf('stranger')

export const T0 = 1_700_000_000_000
const DAY_MS = 86_400_000
export const DEMO = normalizeName('demo')
export const CP313 = 'cp313-linux_armv7l-glibc2.41' as TargetId
const CP311 = 'cp311-linux_aarch64-glibc2.36' as TargetId
export const JOB = jobId(DEMO, '1.0', CP313)

export const genesis: GenesisRecord = {
  kind: 'genesis',
  name: 'vectors',
  roots: [root.nodeId],
  policy: { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' },
  createdMs: T0,
  nonce: '000102030405060708090a0b0c0d0e0f'
}
export const founded = sealGenesis(genesis)
export const { meshId } = founded

export const terms: Omit<InviteTerms, 'inviteKey'> = {
  meshId,
  uses: 1,
  expiresMs: T0 + DAY_MS,
  roles: ['build', 'index'],
  level: 'trusted'
}
export const ticket = makeTicket(root, terms, seedOf('invite'), [
  `/ip4/192.0.2.7/tcp/4710/p2p/${root.nodeId}`
])
export const proof = proveJoin(ticket, newcomer.nodeId)

export const view = { epoch: 1, witnesses: [root.nodeId, newcomer.nodeId, builder.nodeId] }
export const fence: Fence = { epoch: 1, view: viewHash(view), term: 2, holder: root.nodeId }

const environment: BuildEnvironment = {
  digest: sha256Hex('environment'),
  python: 'CPython 3.13.5',
  compiler: 'gcc 14.2.0',
  os: 'debian 13',
  sandboxLevel: 2,
  requirements: [`setuptools==80.9.0 sha256:${sha256Hex('setuptools')}`]
}
export const result = {
  kind: 'result',
  job: JOB,
  sdist: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('sdist'), size: 12_345 },
  fence
} as const
export const ending = {
  log: { sha256: sha256Hex('log'), size: 2_048 },
  startedMs: T0 + 60_000,
  durationMs: 92_500,
  environment
} as const

export const records: readonly (readonly [name: string, record: MeshRecord | object])[] = [
  ['genesis', genesis],
  ['admit', { kind: 'admit', subject: newcomer.nodeId, proof }],
  ['node that builds', aNode([CP311, CP313])],
  [
    'node that does not build',
    { ...aNode([]), buildRefusal: 'bubblewrap is not installed; cure: apt-get install bubblewrap' }
  ],
  [
    'want',
    {
      kind: 'want',
      specs: [
        { project: DEMO, specifier: '>=1.0,<2' },
        { project: normalizeName('Other.Project'), specifier: '' }
      ],
      targets: [],
      priority: 'request',
      batch: false,
      atomic: false,
      createdMs: T0
    }
  ],
  [
    'want for one target, all or nothing',
    {
      kind: 'want',
      specs: [{ project: DEMO, specifier: '==1.0' }],
      targets: [CP313],
      priority: 'backlog',
      batch: true,
      atomic: true,
      createdMs: T0
    }
  ],
  [
    'node that says what it offers',
    {
      ...aNode([CP313]),
      limits: { memoryBytes: 2 ** 31, diskBytes: 2 ** 32, wallMs: 10_800_000 },
      packages: ['libjpeg-dev', 'zlib1g-dev']
    }
  ],
  ['unwant', { kind: 'unwant', projects: [DEMO], createdMs: T0 + 1 }],
  ['skip', { kind: 'skip', project: DEMO, version: '1.0', reason: 'builds for days', createdMs: T0 }],
  ['unskip', { kind: 'unskip', project: DEMO, version: '1.0', reason: 'no longer', createdMs: T0 + 1 }],
  [
    'observed',
    {
      kind: 'observed',
      project: DEMO,
      serial: 31_000_000,
      page: sha256Hex('page'),
      pageSize: 40_960,
      observedMs: T0
    }
  ],
  [
    'observed with its tag',
    {
      kind: 'observed',
      project: DEMO,
      serial: 31_000_000,
      page: sha256Hex('page'),
      pageSize: 40_960,
      observedMs: T0,
      etag: '"ab12cd"'
    }
  ],
  [
    'observed: upstream has no such project',
    { kind: 'observed', project: DEMO, serial: 0, pageSize: 0, observedMs: T0 }
  ],
  [
    'result with a wheel',
    {
      ...result,
      wheel: {
        filename: 'demo-1.0-cp313-cp313-linux_armv7l.whl',
        sha256: sha256Hex('wheel'),
        size: 23_456,
        metadata: sha256Hex('metadata'),
        metadataSize: 789,
        requiresPython: '>=3.8',
        aptPackages: ['libjpeg62-turbo'],
        glibcFloor: '2.34'
      },
      ...ending
    }
  ],
  [
    'result with a wheel of several pieces',
    {
      ...result,
      wheel: {
        filename: 'demo-1.0-cp313-cp313-linux_armv7l.whl',
        sha256: sha256Hex('large wheel'),
        size: 12_345_678,
        pieces: sha256Hex('digests of its 3 pieces'),
        metadata: sha256Hex('metadata'),
        metadataSize: 789,
        requiresPython: '>=3.8',
        aptPackages: [],
        glibcFloor: '2.34'
      },
      ...ending
    }
  ],
  [
    'result whose wheel is another one with other tags',
    {
      ...result,
      job: jobId(DEMO, '1.0', 'cp313-linux_armv6l-glibc2.41' as TargetId),
      wheel: {
        filename: 'demo-1.0-cp313-cp313-linux_armv6l.whl',
        sha256: sha256Hex('retagged wheel'),
        size: 23_456,
        metadata: sha256Hex('metadata'),
        metadataSize: 789,
        requiresPython: '>=3.8',
        aptPackages: ['libjpeg62-turbo'],
        glibcFloor: '2.34'
      },
      ...ending,
      builtAs: JOB
    }
  ],
  [
    'result without one',
    {
      ...result,
      failure: {
        class: 'missing-dependency',
        cause: 'missing-header',
        reason: 'jpeglib.h was not found; apt-get install libjpeg-dev'
      },
      ...ending
    }
  ],
  [
    'result of a build that needed more than it had',
    {
      ...result,
      failure: { class: 'resource', cause: 'out-of-memory', reason: 'more memory than this node allows' },
      ...ending,
      limits: { memoryBytes: 2 ** 30, diskBytes: 2 ** 32, wallMs: 10_800_000 }
    }
  ],
  [
    'result that names what was missing',
    {
      ...result,
      failure: {
        class: 'missing-dependency',
        cause: 'missing-header',
        reason: 'jpeglib.h was not found',
        missing: 'libjpeg-dev'
      },
      ...ending
    }
  ],
  [
    'result of the second time that a batch built it',
    {
      ...result,
      failure: { class: 'package', cause: 'compile-error', reason: 'error: unknown type name' },
      ...ending,
      pass: 2
    }
  ],
  ['retract', { kind: 'retract', file: sha256Hex('wheel'), reason: 'built on a broken machine' }],
  ['lost', { kind: 'lost', file: sha256Hex('wheel'), createdMs: T0 }],
  ['found', { kind: 'found', file: sha256Hex('wheel'), createdMs: T0 + DAY_MS }],
  ['attest', { kind: 'attest', job: JOB, file: sha256Hex('wheel'), agrees: true }],
  ['revoke', { kind: 'revoke', subject: newcomer.nodeId, reason: 'sold' }],
  ['checkpoint', { kind: 'checkpoint', root: sha256Hex('heads'), count: 3 }],
  ['a kind from the future', { kind: 'from-the-future', anything: [1, 'two', null] }]
]
