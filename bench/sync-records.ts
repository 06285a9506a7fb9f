import { sha256Hex } from '../src/core/digest.ts'
import { normalizeName } from '../src/core/distribution.ts'
import type { TargetId } from '../src/core/ids.ts'
import { jobId } from '../src/core/job.ts'
import { MAX_ENTRY_RECORDS } from '../src/core/limits.ts'
import type { StoredEntry } from '../src/core/ports.ts'
import type { ResultRecord } from '../src/core/record.ts'
import { sealEntry } from '../src/wire/envelope.ts'
import { sealGenesis, type SealedGenesis } from '../src/wire/genesis.ts'
import { createSigner } from '../src/wire/keys.ts'

/*
 * What bench/sync.bench.ts moves: results of 20 builders over 20,000 projects, as large as real ones, each builder at a
 * random project each time, since that is how jobs are handed out.
 */

export const AUTHORS = 20

export function seedOf(node: number): Uint8Array {
  return new Uint8Array(32).fill(node + 1)
}

const HOLDER = createSigner(seedOf(0)).nodeId
/** Roots of the bench's mesh besides its authors: they write nothing and play the nodes. */
export const [SERVER, CLIENT, SECOND] = [AUTHORS, AUTHORS + 1, AUTHORS + 2]
const PROJECTS = 20_000
const TARGETS = ['cp311-linux_armv7l-glibc2.36', 'cp313-linux_armv7l-glibc2.41'] as TargetId[]
const STARTED_MS = 1_700_000_000_000

export function theGenesis(): SealedGenesis {
  return sealGenesis({
    kind: 'genesis',
    name: 'bench',
    roots: Array.from({ length: AUTHORS + 3 }, (_, node) => createSigner(seedOf(node)).nodeId),
    policy: { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' },
    createdMs: STARTED_MS,
    nonce: 'bench'
  })
}

/** Results of the builder, in entries of 50 that follow one another. */
export function* feedOf(author: number, results: number, { meshId }: SealedGenesis): Generator<StoredEntry> {
  const signer = createSigner(seedOf(author))
  const incarnation = author.toString(16).padStart(16, '0')
  let prev: StoredEntry['hash'] | '' = ''
  for (let made = 0, seq = 1; made < results; seq++) {
    const count = Math.min(MAX_ENTRY_RECORDS, results - made)
    const records = Array.from({ length: count }, (_, index) => aResult(author, made + index))
    const entry = sealEntry(signer, { meshId, incarnation, seq, prev, records })
    yield entry
    prev = entry.hash
    made += count
  }
}

/** As a builder of a wheel signs it. */
export function aResult(author: number, number: number): ResultRecord {
  // a step without a common divisor visits every project, in an order that no index likes
  const project = (number * 7_919 + author * 1_009) % PROJECTS
  const round = Math.floor(number / PROJECTS)
  const version = `${author % 10}.${round}.${number % 7}`
  const name = `some-project-${project}`
  const key = `${author} ${number}`
  const target = TARGETS[author % TARGETS.length] ?? TARGETS[0]!
  return {
    kind: 'result',
    job: jobId(normalizeName(name), version, target),
    sdist: {
      filename: `${name}-${version}.tar.gz`,
      sha256: sha256Hex(`sdist ${name} ${version}`),
      size: 40_000
    },
    fence: { epoch: 3, view: '0123456789abcdef', term: 17, holder: HOLDER },
    wheel: {
      filename: `${name.replaceAll('-', '_')}-${version}-cp311-cp311-linux_armv7l.whl`,
      sha256: sha256Hex(`wheel ${key}`),
      size: 120_000 + (number % 10_000),
      metadata: sha256Hex(`metadata ${key}`),
      metadataSize: 3_000,
      requiresPython: '>=3.8',
      aptPackages: number % 5 === 0 ? ['libopenblas0-pthread'] : [],
      glibcFloor: '2.34'
    },
    log: { sha256: sha256Hex(`log ${key}`), size: 9_000 },
    startedMs: STARTED_MS + number * 1_000,
    durationMs: 61_234,
    environment: {
      digest: sha256Hex(`environment ${author}`),
      python: 'CPython 3.11.2',
      compiler: 'gcc (Debian 12.2.0-14+deb12u1) 12.2.0',
      os: 'Debian GNU/Linux 12 (bookworm)',
      sandboxLevel: 2,
      requirements: [
        `setuptools==80.9.0 sha256:${sha256Hex('setuptools')}`,
        `wheel==0.45.1 sha256:${sha256Hex('wheel')}`
      ]
    }
  }
}
