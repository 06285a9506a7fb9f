import { viewHash, type ClaimNote, type CoordinationMessage } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { SliceId } from '../../src/core/shard.ts'
import { builder, CP313, fence, JOB, newcomer, root, stranger, view } from './wire-samples.ts'

const SLICE = `${CP313}#3/16` as SliceId
const nextFence: Fence = { ...fence, term: 3, holder: newcomer.nodeId }
const nextView = { epoch: 2, witnesses: [root.nodeId, newcomer.nodeId, stranger.nodeId] }
const pendingFence: Fence = { epoch: 2, view: viewHash(nextView), term: 3, holder: root.nodeId }
const claim: ClaimNote = { job: JOB, builder: builder.nodeId, fence }

/** Every kind of message, and every optional field. */
export const messages: readonly CoordinationMessage[] = [
  { kind: 'beat', shard: CP313, fence, witnesses: view.witnesses, seq: 7 },
  { kind: 'ack', shard: CP313, fence, seq: 7 },
  { kind: 'nack', shard: CP313, highest: nextFence, view },
  { kind: 'nack', shard: CP313, highest: pendingFence, view, next: nextView },
  { kind: 'pre-vote', shard: 'upstream', round: 1, view },
  { kind: 'pre-vote-answer', shard: 'upstream', round: 1, recent: false, silent: true, view },
  { kind: 'pre-vote-answer', shard: CP313, round: 2, recent: true, silent: false, heard: fence, view },
  { kind: 'prepare', shard: CP313, fence: nextFence, view },
  { kind: 'prepare', shard: CP313, fence: pendingFence, view: nextView, replaces: view },
  { kind: 'promise', shard: CP313, fence: nextFence, claims: [claim] },
  {
    kind: 'refuse',
    shard: CP313,
    fence: nextFence,
    highest: { epoch: 0, view: '', term: 0, holder: '' as never },
    view: { epoch: 0, witnesses: [root.nodeId] }
  },
  { kind: 'hand-over', shard: CP313, fence, to: newcomer.nodeId, claims: [claim], complete: true },
  { kind: 'hand-over', shard: CP313, fence, to: '', claims: [], complete: false },
  {
    kind: 'request',
    shard: CP313,
    nonce: 4_000_000_000,
    boot: 123_456_789,
    running: [JOB],
    capacity: { memoryBytes: 2 ** 31, diskBytes: 2 ** 32, wallMs: 10_800_000 }
  },
  {
    kind: 'request',
    shard: CP313,
    nonce: 1,
    boot: 123_456_789,
    running: [],
    capacity: { memoryBytes: 2 ** 31, diskBytes: 2 ** 32, wallMs: 10_800_000, longestMs: 3_600_000 }
  },
  { kind: 'grant', shard: CP313, nonce: 4_000_000_000, claim },
  { kind: 'grant', shard: CP313, nonce: 7, claim, pins: [`setuptools==80.9.0 sha256:${'5e'.repeat(32)}`] },
  { kind: 'no-grant', shard: CP313, nonce: 4_000_000_000, holder: '' },
  { kind: 'note-claim', shard: CP313, claim },
  { kind: 'claim-noted', shard: CP313, claim },
  { kind: 'progress', shard: SLICE, claim: { ...claim, crashes: 2 } },
  {
    kind: 'progress',
    shard: SLICE,
    claim,
    pins: [`setuptools==80.9.0 sha256:${'5e'.repeat(32)}`, `wheel==0.45.1 sha256:${'0a'.repeat(32)}`]
  },
  { kind: 'progress-noted', shard: SLICE, claim },
  { kind: 'progress', shard: CP313, claim, ended: 1_700_000_000_000 },
  { kind: 'progress-noted', shard: CP313, claim, known: true },
  { kind: 'give-up', shard: CP313, claim },
  { kind: 'claimed', shard: CP313, claims: [claim] },
  {
    kind: 'presence',
    boot: 123_456_789,
    seq: 1,
    freeSlots: 1,
    running: [{ job: JOB, phase: 'build', elapsedMs: 61_000 }],
    entries: 42,
    room: true,
    staying: true
  },
  {
    kind: 'presence',
    boot: 123_456_789,
    seq: 2,
    freeSlots: 0,
    running: [],
    entries: 42,
    room: true,
    paused: { cause: 'heat', reason: '81 °C, and the bound is 80 °C: it begins no builds until it is below 75 °C', elapsedMs: 4_000 },
    staying: true
  }
]
