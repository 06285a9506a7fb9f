import {
  viewHash,
  type Capacity,
  type ClaimNote,
  type CoordinationMessage,
  type PausedNote,
  type RunningJob,
  type ShardId,
  type View,
  type ViewState
} from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_COORD_BYTES, MAX_PAUSE_REASON_CHARS, WITNESSES_LARGE } from '../core/limits.ts'
import type { Signer, Verifier } from '../core/ports.ts'
import { isShardId } from '../core/shard.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { openMessage, sealMessage } from './envelope.ts'
import { buildLimits, counter, job, milliseconds, nodeId } from './field-shapes.ts'
import { readFence, RESULT_BOUNDS } from './result-codec.ts'
import { boolean, fields, integer, list, matching, oneOf, optional, text, type Shape } from './shape.ts'
import { malformed } from './wire-error.ts'

const GOSSIP_DOMAIN = 'commonwheel/1/coordination'
const MAX_CLAIMS = 200
/** Builders that fell silent over one job, in all its life. */
const MAX_TOLD_CRASHES = 1_000
/** Builds at once on one node: more than any board has cores for. */
const MAX_RUNNING = 64
const PAUSE_CAUSE = /^[a-z][a-z-]{0,39}$/
const PHASES = ['fetch', 'requirements', 'build', 'inspect', 'store'] as const

const shard = matching(isShardId, 'a shard')
const u32 = integer(0, 2 ** 32 - 1)
const pins = list(RESULT_BOUNDS.requirements, text(RESULT_BOUNDS.requirementChars))
const witnesses = list(WITNESSES_LARGE, nodeId)

type Fields = Readonly<Record<string, unknown>>

const readers: Readonly<Record<CoordinationMessage['kind'], (map: Fields) => CoordinationMessage>> = {
  beat: (map) => {
    const fence = readFence(map['fence'], 'fence')
    const nodes = witnesses(map['witnesses'], 'witnesses')
    if (fence.view !== viewHash({ epoch: fence.epoch, witnesses: nodes }))
      throw malformed('a fence of another view')
    return { kind: 'beat', shard: shardOf(map), fence, witnesses: nodes, seq: counter(map['seq'], 'seq') }
  },
  ack: (map) => ({
    kind: 'ack',
    shard: shardOf(map),
    fence: readFence(map['fence'], 'fence'),
    seq: counter(map['seq'], 'seq')
  }),
  nack: (map) => ({
    kind: 'nack',
    shard: shardOf(map),
    highest: readHighest(map['highest']),
    ...readViewState(map)
  }),
  'pre-vote': (map) => ({
    kind: 'pre-vote',
    shard: shardOf(map),
    round: counter(map['round'], 'round'),
    view: readView(map['view'])
  }),
  'pre-vote-answer': (map) => ({
    kind: 'pre-vote-answer',
    shard: shardOf(map),
    round: counter(map['round'], 'round'),
    recent: boolean(map['recent'], 'recent'),
    silent: boolean(map['silent'], 'silent'),
    ...(map['heard'] === undefined ? {} : { heard: readFence(map['heard'], 'heard') }),
    ...readViewState(map)
  }),
  prepare: (map) => ({
    kind: 'prepare',
    shard: shardOf(map),
    fence: readFence(map['fence'], 'fence'),
    view: readView(map['view']),
    ...(map['replaces'] === undefined ? {} : { replaces: readView(map['replaces']) })
  }),
  promise: (map) => ({
    kind: 'promise',
    shard: shardOf(map),
    fence: readFence(map['fence'], 'fence'),
    claims: list(MAX_CLAIMS, readClaim)(map['claims'], 'claims')
  }),
  refuse: (map) => ({
    kind: 'refuse',
    shard: shardOf(map),
    fence: readFence(map['fence'], 'fence'),
    highest: readHighest(map['highest']),
    ...readViewState(map)
  }),
  'hand-over': (map) => ({
    kind: 'hand-over',
    shard: shardOf(map),
    fence: readFence(map['fence'], 'fence'),
    to: map['to'] === '' ? '' : nodeId(map['to'], 'to'),
    claims: list(MAX_CLAIMS, readClaim)(map['claims'], 'claims'),
    complete: boolean(map['complete'], 'complete')
  }),
  request: (map) => ({
    kind: 'request',
    shard: shardOf(map),
    nonce: u32(map['nonce'], 'nonce'),
    boot: u32(map['boot'], 'boot'),
    running: list(MAX_RUNNING, job)(map['running'], 'running'),
    capacity: readCapacity(map['capacity'], 'capacity')
  }),
  grant: (map) => ({
    kind: 'grant',
    shard: shardOf(map),
    nonce: u32(map['nonce'], 'nonce'),
    claim: readClaim(map['claim'], 'claim'),
    ...optional(map, 'pins', pins)
  }),
  'no-grant': (map) => ({
    kind: 'no-grant',
    shard: shardOf(map),
    nonce: u32(map['nonce'], 'nonce'),
    holder: map['holder'] === '' ? '' : nodeId(map['holder'], 'holder')
  }),
  'note-claim': (map) => ({
    kind: 'note-claim',
    shard: shardOf(map),
    claim: readClaim(map['claim'], 'claim')
  }),
  'claim-noted': (map) => ({
    kind: 'claim-noted',
    shard: shardOf(map),
    claim: readClaim(map['claim'], 'claim')
  }),
  progress: (map) => ({
    kind: 'progress',
    shard: shardOf(map),
    claim: readClaim(map['claim'], 'claim'),
    ...(map['ended'] === undefined ? {} : { ended: milliseconds(map['ended'], 'ended') }),
    ...optional(map, 'pins', pins)
  }),
  'progress-noted': (map) => ({
    kind: 'progress-noted',
    shard: shardOf(map),
    claim: readClaim(map['claim'], 'claim'),
    ...(map['known'] === true && { known: true })
  }),
  'give-up': (map) => ({ kind: 'give-up', shard: shardOf(map), claim: readClaim(map['claim'], 'claim') }),
  claimed: (map) => ({
    kind: 'claimed',
    shard: shardOf(map),
    claims: list(MAX_CLAIMS, readClaim)(map['claims'], 'claims')
  }),
  presence: (map) => ({
    kind: 'presence',
    boot: u32(map['boot'], 'boot'),
    seq: counter(map['seq'], 'seq'),
    freeSlots: integer(0, MAX_RUNNING)(map['freeSlots'], 'freeSlots'),
    running: list(MAX_RUNNING, readRunning)(map['running'], 'running'),
    entries: counter(map['entries'], 'entries'),
    room: map['room'] === undefined || boolean(map['room'], 'room'),
    ...optional(map, 'paused', readPaused),
    staying: boolean(map['staying'], 'staying')
  })
}

/** For a stream between two nodes, which authenticates the sender. */
export function encodeCoordination(message: CoordinationMessage): Uint8Array {
  return encodeCbor(message)
}

/** Throws a WireError on anything else than a message of ours. */
export function decodeCoordination(bytes: Uint8Array): CoordinationMessage {
  return readMessage(fields(decodeCbor(bytes, { maxBytes: MAX_COORD_BYTES }), 'message'))
}

/** For gossip, where the author is not the one who hands it on. */
export function sealCoordination(signer: Signer, meshId: string, message: CoordinationMessage): Uint8Array {
  return sealMessage(signer, `${GOSSIP_DOMAIN} ${meshId}`, message)
}

/** The message and its verified author. Throws a WireError. */
export function openCoordination(
  verifier: Verifier,
  meshId: string,
  bytes: Uint8Array
): { readonly from: NodeId; readonly message: CoordinationMessage } {
  const map = openMessage(verifier, `${GOSSIP_DOMAIN} ${meshId}`, bytes, MAX_COORD_BYTES)
  return { from: nodeId(map['from'], 'from'), message: readMessage(map) }
}

function readMessage(map: Fields): CoordinationMessage {
  const kind = text(40)(map['kind'], 'kind')
  if (!Object.hasOwn(readers, kind)) throw malformed(`no message is of kind ${kind}`)
  return readers[kind as CoordinationMessage['kind']](map)
}

function shardOf(map: Fields): ShardId {
  return shard(map['shard'], 'shard')
}

function readView(value: unknown): View {
  const map = fields(value, 'view')
  return { epoch: counter(map['epoch'], 'epoch'), witnesses: witnesses(map['witnesses'], 'witnesses') }
}

function readViewState(map: Fields): ViewState {
  const view = readView(map['view'])
  return map['next'] === undefined ? { view } : { view, next: readView(map['next']) }
}

/** A witness's memory as it was stored. */
export function readWitnessMemory(value: unknown): ViewState & { readonly highest: Fence } {
  const map = fields(value, 'witness memory')
  return { ...readViewState(map), highest: readHighest(map['highest']) }
}

/** A witness that never promised has no highest fence; it says so with an empty holder. */
function readHighest(value: unknown): Fence {
  const map = fields(value, 'highest')
  return map['holder'] === ''
    ? { epoch: 0, view: '', term: 0, holder: '' as NodeId }
    : readFence(map, 'highest')
}

const readClaim: Shape<ClaimNote> = (value, name) => {
  const map = fields(value, name)
  return {
    job: job(map['job'], 'job'),
    builder: nodeId(map['builder'], 'builder'),
    fence: readFence(map['fence'], 'fence'),
    ...optional(map, 'crashes', integer(1, MAX_TOLD_CRASHES))
  }
}

const readRunning: Shape<RunningJob> = (value, name) => {
  const map = fields(value, name)
  return {
    job: job(map['job'], 'job'),
    phase: oneOf(PHASES)(map['phase'], 'phase'),
    elapsedMs: milliseconds(map['elapsedMs'], 'elapsedMs')
  }
}

const readPaused: Shape<PausedNote> = (value, name) => {
  const map = fields(value, name)
  const cause = text(40)(map['cause'], 'cause')
  if (!PAUSE_CAUSE.test(cause)) throw malformed('cause is not a word')
  return {
    cause,
    reason: text(MAX_PAUSE_REASON_CHARS)(map['reason'], 'reason'),
    elapsedMs: milliseconds(map['elapsedMs'], 'elapsedMs')
  }
}

const readCapacity: Shape<Capacity> = (value, name) => ({
  ...buildLimits(value, name),
  ...optional(fields(value, name), 'longestMs', milliseconds)
})
