import { viewHash } from '../../src/core/coordination.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { Signer } from '../../src/core/ports.ts'
import type { BuildEnvironment, GenesisRecord, InviteTerms } from '../../src/core/record.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { makeTicket, proveJoin } from '../../src/wire/invite.ts'
import { createSigner } from '../../src/wire/keys.ts'

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
export const DAY_MS = 86_400_000
export const DEMO = normalizeName('demo')
export const CP313 = 'cp313-linux_armv7l-glibc2.41' as TargetId
export const CP311 = 'cp311-linux_aarch64-glibc2.36' as TargetId
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

export const environment: BuildEnvironment = {
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
