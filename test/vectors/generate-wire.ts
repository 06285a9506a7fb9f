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
import { GOSSIPED } from '../../src/core/coordination.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { encodeCoordination, sealCoordination } from '../../src/wire/coordination-codec.ts'
import { sealEntry, type EntryDraft } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { formatTicket, makeTicket } from '../../src/wire/invite.ts'
import { publicKeyOfSeed } from '../../src/wire/keys.ts'
import { messages } from './coordination-samples.ts'
import { records } from './record-samples.ts'
import * as samples from './wire-samples.ts'
import { builder, fence, meshId, newcomer, proof, root, seedOf, stranger, terms } from './wire-samples.ts'

/** File name → what stands in it. */
export function wireVectors(): Readonly<Record<string, unknown>> {
  return {
    'records.json': {
      records: records.map(([name, record]) => ({
        name,
        record: jsonOf(record),
        cbor: hex(encodeCbor(record))
      })),
      refused: refusedRecords()
    },
    'envelope.json': envelopes(),
    'invite.json': invites(),
    'coordination.json': coordination()
  }
}

function refusedRecords(): readonly object[] {
  const unwant = { kind: 'unwant', projects: [samples.DEMO], createdMs: 0 }
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
    ['a result with neither wheel nor failure', hex(encodeCbor({ ...samples.result, ...samples.ending }))],
    [
      'a path for a file name',
      hex(encodeCbor({ ...samples.result, sdist: { ...samples.result.sdist, filename: '../x' } }))
    ]
  ]
  return refused.map(([name, cbor]) => ({ name, cbor, code: 'WIRE_MALFORMED' }))
}

function envelopes(): object {
  const draft = (seq: number, prev: EntryDraft['prev'], project: string): EntryDraft => ({
    meshId,
    incarnation: '0000000000000000',
    seq,
    prev,
    records: [{ kind: 'unwant', projects: [normalizeName(project)], createdMs: samples.T0 }]
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
      {
        name: 'signed for another purpose',
        bytes: hex(root.sign('commonwheel/1/join', payload)) + hex(payload)
      },
      {
        name: 'signed by another node',
        bytes: hex(builder.sign('commonwheel/1/entry', payload)) + hex(payload)
      }
    ]
  }
}

function invites(): object {
  const other = sealGenesis({ ...samples.genesis, nonce: 'another' }).meshId
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
    genesis: hex(samples.founded.bytes),
    meshId,
    issuer: { seed: hex(seedOf('root')), node: root.nodeId },
    inviteSeed: hex(seedOf('invite')),
    terms: jsonOf({ ...terms, inviteKey: publicKeyOfSeed(seedOf('invite')) }),
    ticket: formatTicket(samples.ticket),
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
            shard: samples.CP313,
            fence: { ...fence, view: '0000000000000000' },
            witnesses: samples.view.witnesses,
            seq: 7
          })
        ),
        code: 'WIRE_MALFORMED'
      },
      {
        name: 'a pause for a cause that is no word',
        cbor: hex(
          encodeCbor({
            ...{ kind: 'presence', boot: 1, seq: 1, freeSlots: 0, running: [], entries: 0, staying: true },
            paused: { cause: 'Too hot!', reason: '', elapsedMs: 0 }
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
