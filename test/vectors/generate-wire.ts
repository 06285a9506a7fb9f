/**
 * Writes records.json, envelope.json, invite.json and coordination.json beside itself: what the wire looks like, for other
 * implementations and for test/wire/vectors.test.ts. Every key comes from a seed of one repeated byte, and Ed25519 signatures
 * are deterministic, so that a second run gives the same bytes.
 *
 *   npx tsx test/vectors/generate-wire.ts
 *
 * A vector once released never changes: new ones are added, and a change of an old one is a new version of the protocol.
 */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { viewHash, type ClaimNote, type CoordinationMessage } from '../../src/core/coordination.ts'
import { GOSSIPED } from '../../src/core/coordination.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { BuildEnvironment, GenesisRecord, InviteTerms, MeshRecord } from '../../src/core/record.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { encodeCoordination, sealCoordination } from '../../src/wire/coordination-codec.ts'
import { sealEntry, type EntryDraft } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { formatTicket, makeTicket, proveJoin } from '../../src/wire/invite.ts'
import { createSigner, publicKeyOfSeed } from '../../src/wire/keys.ts'

const SEEDS = { root: 0x01, newcomer: 0x02, invite: 0x03, builder: 0x04, stranger: 0x05 } as const

function seedOf(who: keyof typeof SEEDS): Uint8Array {
  return new Uint8Array(32).fill(SEEDS[who])
}

const [root, newcomer, builder] = (['root', 'newcomer', 'builder'] as const).map((who) =>
  createSigner(seedOf(who))
) as [ReturnType<typeof createSigner>, ReturnType<typeof createSigner>, ReturnType<typeof createSigner>]

const T0 = 1_700_000_000_000
const DAY_MS = 86_400_000
const DEMO = normalizeName('demo')
const CP313 = 'cp313-linux_armv7l-glibc2.41' as TargetId
const CP311 = 'cp311-linux_aarch64-glibc2.36' as TargetId
const JOB = jobId(DEMO, '1.0', CP313)

const genesis: GenesisRecord = {
  kind: 'genesis',
  name: 'vectors',
  roots: [root.nodeId],
  policy: { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' },
  createdMs: T0,
  nonce: '000102030405060708090a0b0c0d0e0f'
}
const founded = sealGenesis(genesis)
const { meshId } = founded

const terms: Omit<InviteTerms, 'inviteKey'> = {
  meshId,
  uses: 1,
  expiresMs: T0 + DAY_MS,
  roles: ['build', 'index'],
  level: 'trusted'
}
const ticket = makeTicket(root, terms, seedOf('invite'), [`/ip4/192.0.2.7/tcp/4710/p2p/${root.nodeId}`])
const proof = proveJoin(ticket, newcomer.nodeId)

const view = { epoch: 1, witnesses: [root.nodeId, newcomer.nodeId, builder.nodeId] }
const fence: Fence = { epoch: 1, view: viewHash(view), term: 2, holder: root.nodeId }
const nextFence: Fence = { ...fence, term: 3, holder: newcomer.nodeId }
const claim: ClaimNote = { job: JOB, builder: builder.nodeId, fence }

const environment: BuildEnvironment = {
  digest: sha256Hex('environment'),
  python: 'CPython 3.13.5',
  compiler: 'gcc 14.2.0',
  os: 'debian 13',
  sandboxLevel: 2,
  requirements: [`setuptools==80.9.0 sha256:${sha256Hex('setuptools')}`]
}
const result = {
  kind: 'result',
  job: JOB,
  sdist: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('sdist'), size: 12_345 },
  fence
} as const
const ending = {
  log: { sha256: sha256Hex('log'), size: 2_048 },
  startedMs: T0 + 60_000,
  durationMs: 92_500,
  environment
} as const

const records: readonly (readonly [name: string, record: MeshRecord | object])[] = [
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
  ['retract', { kind: 'retract', file: sha256Hex('wheel'), reason: 'built on a broken machine' }],
  ['attest', { kind: 'attest', job: JOB, file: sha256Hex('wheel'), agrees: true }],
  ['revoke', { kind: 'revoke', subject: newcomer.nodeId, reason: 'sold' }],
  ['checkpoint', { kind: 'checkpoint', root: sha256Hex('heads'), count: 3 }],
  ['a kind from the future', { kind: 'from-the-future', anything: [1, 'two', null] }]
]

const messages: readonly CoordinationMessage[] = [
  { kind: 'beat', shard: CP313, fence, witnesses: view.witnesses, seq: 7 },
  { kind: 'ack', shard: CP313, fence, seq: 7 },
  { kind: 'nack', shard: CP313, highest: nextFence, view },
  { kind: 'pre-vote', shard: 'upstream', round: 1, view },
  { kind: 'pre-vote-answer', shard: 'upstream', round: 1, recent: false, silent: true, view },
  { kind: 'prepare', shard: CP313, fence: nextFence, view },
  { kind: 'promise', shard: CP313, fence: nextFence, claims: [claim] },
  {
    kind: 'refuse',
    shard: CP313,
    fence: nextFence,
    highest: { epoch: 0, view: '', term: 0, holder: '' as never },
    view: { epoch: 0, witnesses: [root.nodeId] }
  },
  { kind: 'hand-over', shard: CP313, fence },
  {
    kind: 'request',
    shard: CP313,
    nonce: 4_000_000_000,
    boot: 123_456_789,
    capacity: { memoryBytes: 2 ** 31, diskBytes: 2 ** 32 }
  },
  { kind: 'grant', shard: CP313, nonce: 4_000_000_000, claim },
  { kind: 'no-grant', shard: CP313, nonce: 4_000_000_000, holder: '' },
  { kind: 'note-claim', shard: CP313, claim },
  { kind: 'claim-noted', shard: CP313, job: JOB, fence },
  { kind: 'progress', shard: CP313, claim },
  { kind: 'give-up', shard: CP313, claim },
  { kind: 'claimed', shard: CP313, claims: [claim] },
  {
    kind: 'presence',
    boot: 123_456_789,
    seq: 1,
    freeSlots: 1,
    running: [{ job: JOB, phase: 'build', elapsedMs: 61_000 }],
    entries: 42,
    staying: true
  }
]

/** File name → what stands in it. */
export function wireVectors(): Readonly<Record<string, unknown>> {
  return {
    'records.json': {
      records: records.map(([name, record]) => ({ name, record: jsonOf(record), cbor: hex(encodeCbor(record)) })),
      refused: refusedRecords()
    },
    'envelope.json': envelopes(),
    'invite.json': invites(),
    'coordination.json': coordination()
  }
}

function refusedRecords(): readonly object[] {
  const unwant = { kind: 'unwant', projects: [DEMO], createdMs: 0 }
  const time = hex(encodeCbor(unwant)).replace(/00$/, '')
  const refused: readonly (readonly [name: string, cbor: string])[] = [
    ['an integer beyond 32 bits as a CBOR integer, not as a double', `${time}1b0000018bcfe56800`],
    ['a time that is no whole number', `${time}fb3fe0000000000000`],
    ['a tag', `${time}c100`],
    ['a list of indefinite length', `${time}9fff`],
    ['a half-precision number', `${time}f90000`],
    ['bytes after the end', `${time}0000`],
    ['a key that is no text', 'a10101'],
    ['no kind', hex(encodeCbor({ projects: [] }))],
    ['a project name that is none', hex(encodeCbor({ ...unwant, projects: ['a/b'] }))],
    ['a result with neither wheel nor failure', hex(encodeCbor({ ...result, ...ending }))],
    ['a path for a file name', hex(encodeCbor({ ...result, sdist: { ...result.sdist, filename: '../x' } }))]
  ]
  return refused.map(([name, cbor]) => ({ name, cbor, code: 'WIRE_MALFORMED' }))
}

function envelopes(): object {
  const draft = (seq: number, prev: EntryDraft['prev'], project: string): EntryDraft => ({
    meshId,
    incarnation: '0000000000000000',
    seq,
    prev,
    records: [{ kind: 'unwant', projects: [normalizeName(project)], createdMs: T0 }]
  })
  const first = sealEntry(root, draft(1, '', 'first'))
  const second = sealEntry(root, draft(2, first.hash, 'second'))
  const fork = sealEntry(root, draft(2, first.hash, 'fork'))
  const tampered = Uint8Array.from(first.bytes)
  tampered[70] = (tampered[70] ?? 0) ^ 1
  const entry = (name: string, { bytes, hash }: typeof first, { records, ...rest }: EntryDraft): object => ({
    name,
    entry: { node: root.nodeId, ...rest, records: jsonOf(records) },
    bytes: hex(bytes),
    hash
  })
  const payload = first.bytes.subarray(64)
  return {
    domain: 'commonwheel/1/entry',
    seed: hex(seedOf('root')),
    publicKey: hex(publicKeyOfSeed(seedOf('root'))),
    node: root.nodeId,
    entries: [
      entry('the first of a feed', first, draft(1, '', 'first')),
      entry('the second', second, draft(2, first.hash, 'second')),
      entry('another second: with the one above a proof of equivocation', fork, draft(2, first.hash, 'fork'))
    ],
    unsigned: [
      { name: 'a bit of the payload turned', bytes: hex(tampered) },
      { name: 'signed for another purpose', bytes: hex(root.sign('commonwheel/1/join', payload)) + hex(payload) },
      {
        name: 'signed by another node',
        bytes: hex(builder.sign('commonwheel/1/entry', payload)) + hex(payload)
      }
    ]
  }
}

function invites(): object {
  const stranger = createSigner(seedOf('stranger'))
  const other = sealGenesis({ ...genesis, nonce: 'another' }).meshId
  const greedy = makeTicket(stranger, { ...terms, uses: 1_000 }, seedOf('invite'), [])
  const refused = [
    { name: 'for another node', subject: stranger.nodeId, proof },
    { name: 'for another mesh', meshId: other, proof },
    { name: 'other terms', proof: { ...proof, terms: greedy.terms } },
    { name: 'another issuer', proof: { ...proof, issuer: stranger.nodeId } },
    { name: 'without the invite key', proof: { ...proof, subjectSignature: new Uint8Array(64) } }
  ]
  return {
    domains: { terms: 'commonwheel/1/invite-terms', join: 'commonwheel/1/join' },
    genesis: hex(founded.bytes),
    meshId,
    issuer: { seed: hex(seedOf('root')), node: root.nodeId },
    inviteSeed: hex(seedOf('invite')),
    terms: jsonOf({ ...terms, inviteKey: publicKeyOfSeed(seedOf('invite')) }),
    ticket: formatTicket(ticket),
    subject: newcomer.nodeId,
    signedByInviteKey: hex(new TextEncoder().encode(`${meshId} ${newcomer.nodeId}`)),
    proof: jsonOf(proof),
    refused: refused.map((one) => jsonOf({ meshId, subject: newcomer.nodeId, ...one }))
  }
}

function coordination(): object {
  return {
    domain: `commonwheel/1/coordination ${meshId}`,
    meshId,
    author: { seed: hex(seedOf('root')), node: root.nodeId },
    messages: messages.map((message) => ({
      message: jsonOf(message),
      cbor: hex(encodeCoordination(message)),
      ...(GOSSIPED.has(message.kind) ? { gossiped: hex(sealCoordination(root, meshId, message)) } : {})
    })),
    refused: [
      {
        name: 'a beat whose fence is of another view',
        cbor: hex(
          encodeCbor({
            kind: 'beat',
            shard: CP313,
            fence: { ...fence, view: '0000000000000000' },
            witnesses: view.witnesses,
            seq: 7
          })
        ),
        code: 'WIRE_MALFORMED'
      },
      { name: 'a kind that there is not', cbor: hex(encodeCbor({ kind: 'seize' })), code: 'WIRE_MALFORMED' },
      {
        name: 'six witnesses',
        cbor: hex(
          encodeCbor({
            kind: 'pre-vote',
            shard: 'upstream',
            round: 1,
            view: { epoch: 1, witnesses: Array.from({ length: 6 }, () => root.nodeId) }
          })
        ),
        code: 'WIRE_MALFORMED'
      }
    ]
  }
}

function aNode(targets: readonly TargetId[]): MeshRecord {
  return {
    kind: 'node',
    label: 'pi-kitchen',
    contact: '@ada at the makerspace',
    roles: ['build', 'index'],
    targets,
    hardware: { arch: 'arm', cores: 4, memoryBytes: 4_000_000_000, model: 'Raspberry Pi 4 Model B' },
    software: 'commonwheel/0.1.0',
    addresses: ['/ip4/192.0.2.7/tcp/4710']
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** JSON in which a byte string is `{ "hex": "…" }`. */
function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: hex(value) }
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, jsonOf(one)]))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, content] of Object.entries(wireVectors())) {
    const about = 'test/vectors/generate-wire.ts makes this; a byte string is {"hex": "…"}'
    const text = JSON.stringify({ about, ...(content as object) }, null, 2)
    writeFileSync(new URL(name, import.meta.url), `${text}\n`)
  }
}
