import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { GenesisRecord, ResultRecord, WantRecord } from '../../src/core/record.ts'
import { signerOf } from './fixture-keys.ts'

const CP311 = 'cp311-linux_x86_64-glibc2.36' as TargetId

export function aGenesis(over: Partial<GenesisRecord> = {}): GenesisRecord {
  return {
    kind: 'genesis',
    name: 'test mesh',
    roots: [signerOf('root').nodeId],
    policy: { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' },
    createdMs: 1_700_000_000_000,
    nonce: 'n1',
    ...over
  }
}

export function aWant(over: Partial<WantRecord> = {}): WantRecord {
  return {
    kind: 'want',
    specs: [{ project: normalizeName('demo'), specifier: '' }],
    targets: [],
    priority: 'request',
    batch: false,
    atomic: false,
    createdMs: 1_700_000_000_000,
    ...over
  }
}

export function aResult(over: Partial<ResultRecord> = {}): ResultRecord {
  return {
    kind: 'result',
    job: jobId(normalizeName('demo'), '1.0', CP311),
    sdist: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('sdist'), size: 5 },
    fence: { epoch: 0, view: '0123456789abcdef', term: 1, holder: signerOf('root').nodeId },
    wheel: {
      filename: 'demo-1.0-py3-none-any.whl',
      sha256: sha256Hex('wheel'),
      size: 5,
      metadata: sha256Hex('metadata'),
      metadataSize: 8,
      requiresPython: '>=3.8',
      aptPackages: [],
      glibcFloor: ''
    },
    log: { sha256: sha256Hex('log'), size: 3 },
    startedMs: 1_700_000_000_000,
    durationMs: 1_234,
    environment: {
      digest: sha256Hex('env'),
      python: 'CPython 3.11.2',
      compiler: 'gcc 12.2.0',
      os: 'debian 12',
      sandboxLevel: 2,
      requirements: ['setuptools==80.9.0 sha256:00']
    },
    ...over
  }
}
