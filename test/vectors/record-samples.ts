import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { aNode } from './node-sample.ts'
import {
  CP311,
  CP313,
  DAY_MS,
  DEMO,
  ending,
  environment,
  genesis,
  JOB,
  newcomer,
  proof,
  result,
  T0
} from './wire-samples.ts'

/** A record of each kind, and of each way that a kind can be: what the record vectors are made of. */
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
    'result of a build with network, whose wheel did not import and looks odd',
    {
      ...result,
      wheel: {
        filename: 'demo-1.0-cp313-cp313-linux_armv7l.whl',
        sha256: sha256Hex('wheel'),
        size: 23_456,
        metadata: sha256Hex('metadata'),
        metadataSize: 789,
        requiresPython: '>=3.8',
        aptPackages: [],
        glibcFloor: '',
        normalized: sha256Hex('unpacked'),
        smoke: {
          outcome: 'failed',
          modules: 2,
          reason: 'demo._speedups: undefined symbol: demo_init'
        },
        suspicious: 'its tags name a platform, and it has no compiled code'
      },
      ...ending,
      environment: { ...environment, network: ['static.example.org:443'] }
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
