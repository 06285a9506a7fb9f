import { beforeEach, describe, expect, test } from 'vitest'
import { viewHash, type ClaimNote, type CoordinationMessage, type View } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { JobId, NodeId, TargetId } from '../../src/core/ids.ts'
import { shardsOf, shardOfJob, type ShardId } from '../../src/core/shard.ts'
import { Coordination } from '../../src/scheduler/coordination.ts'
import type { Refusal } from '../../src/scheduler/refusal.ts'
import { TARGET, TestMesh, type MeshNode } from './mesh.ts'
import { silentLog } from '../support/test-ports.ts'

const OTHER = 'cp313-linux_x86_64-glibc2.36' as TargetId
const job = (n: number, target = TARGET): JobId => `p${n}==1.0@${target}` as JobId
const stranger = 'node-99' as NodeId
const late = (rule: string): Refusal => ({ rule, blame: false })
const lie = (rule: string): Refusal => ({ rule, blame: true })

/** A mesh of three at work, and one member that says what it likes to another one. */
describe('each rule by which a message about claims is refused', () => {
  let mesh: TestMesh
  let holder: MeshNode
  let liar: MeshNode
  let other: MeshNode
  let fence: Fence

  beforeEach(async () => {
    mesh = new TestMesh({ seed: 7, nodes: 3, jobs: 200, buildMs: 600_000, slots: 1 })
    await mesh.run(60_000)
    holder = mesh.holder()!
    ;[liar, other] = mesh.nodes.filter((node) => node !== holder) as [MeshNode, MeshNode]
    fence = holder.coordination.highestFence(TARGET)!
  })

  const tell = (to: MeshNode, message: CoordinationMessage, from = liar.id, gossiped = false) =>
    to.coordination.receive(from, message, gossiped)
  const claim = (over: Partial<ClaimNote> = {}): ClaimNote => ({
    job: job(100),
    builder: liar.id,
    fence,
    ...over
  })
  const progress = (over: Partial<ClaimNote> = {}, shard: ShardId = TARGET): CoordinationMessage => ({
    kind: 'progress',
    shard,
    claim: claim(over)
  })

  test('wrong-channel: gossip that was sent, and what is sent that was gossiped', () => {
    const claimed = { kind: 'claimed', shard: TARGET, claims: [] } as const
    expect(tell(holder, claimed)).toEqual(lie('wrong-channel'))
    expect(tell(holder, progress(), liar.id, true)).toEqual(lie('wrong-channel'))
    expect(tell(holder, claimed, liar.id, true)).toBeUndefined()
  })

  test('unknown-shard: a slice that nobody asks for, and a target that nobody builds for', () => {
    const before = [...holder.coordination.shards()].length
    for (const shard of [...shardsOf(TARGET, 16), ...shardsOf(OTHER, 1)])
      expect(tell(holder, progress({}, shard))).toEqual(late('unknown-shard'))
    expect([...holder.coordination.shards()].length).toBe(before)
  })

  test('foreign-job: a claim on a job of another target', () => {
    expect(tell(holder, progress({ job: job(1, OTHER) }))).toEqual(lie('foreign-job'))
    expect(holder.coordination.claimOn(job(1, OTHER))).toBeUndefined()
  })

  test("not-the-builder: progress or the end of another's claim", () => {
    const { job: running } = other.desk.running()[0]!
    const note = holder.coordination.claimOn(running)!.note
    expect(tell(holder, { kind: 'give-up', shard: TARGET, claim: note })).toEqual(lie('not-the-builder'))
    expect(tell(holder, { kind: 'progress', shard: TARGET, claim: note })).toEqual(lie('not-the-builder'))
    expect(holder.coordination.claimOn(running)?.note).toEqual(note)
  })

  test("not-the-holder: grants by another's authority", () => {
    const stolen = claim({ builder: other.id })
    expect(tell(other, { kind: 'note-claim', shard: TARGET, claim: stolen })).toEqual(lie('not-the-holder'))
    expect(tell(other, { kind: 'grant', shard: TARGET, nonce: 1, claim: stolen })).toEqual(
      lie('not-the-holder')
    )
    expect(tell(other, { kind: 'claimed', shard: TARGET, claims: [stolen] }, liar.id, true)).toEqual(
      lie('not-the-holder')
    )
    expect(tell(liar, { kind: 'claim-noted', shard: TARGET, claim: stolen }, other.id)).toEqual(
      lie('not-the-holder')
    )
    expect(other.coordination.claimOn(stolen.job)).toBeUndefined()
  })

  test('not-the-holder, without blame: progress noted by one that was the holder', () => {
    const { job: running } = other.desk.running()[0]!
    const note = holder.coordination.claimOn(running)!.note
    expect(tell(other, { kind: 'progress-noted', shard: TARGET, claim: note })).toEqual(
      late('not-the-holder')
    )
    expect(tell(other, { kind: 'progress-noted', shard: TARGET, claim: note }, holder.id)).toBeUndefined()
  })

  test('stale-fence: a grant by a coordinator that was', () => {
    const old = claim({ fence: { ...fence, term: 0, holder: liar.id }, builder: other.id })
    expect(tell(other, { kind: 'note-claim', shard: TARGET, claim: old })).toEqual(late('stale-fence'))
  })

  test('term-leap: a term that no mesh reaches', () => {
    const far = { ...fence, term: fence.term + 2 ** 20 + 1 }
    expect(tell(holder, progress({ fence: far }))).toEqual(late('term-leap'))
    expect(tell(holder, progress({ fence: { ...fence, epoch: 2 ** 40 } }))).toEqual(late('term-leap'))
    expect(holder.coordination.claimOn(job(100))).toBeUndefined()
  })

  test('unknown-claim: the end of what nobody knows leaves nothing behind', () => {
    const free = Array.from({ length: 100 }, (_, n) => n).filter(
      (n) => !holder.coordination.isClaimed(job(n))
    )
    for (const n of free.filter((n) => n > 10))
      expect(tell(holder, { kind: 'give-up', shard: TARGET, claim: claim({ job: job(n) }) })).toEqual(
        late('unknown-claim')
      )
  })

  test('too-many-claims: one member cannot take all jobs by saying that it builds them', () => {
    const refusals = Array.from({ length: 150 }, (_, n) => tell(holder, progress({ job: job(n + 10) })))
    expect(refusals.filter((refusal) => refusal?.rule === 'too-many-claims').length).toBeGreaterThan(80)
    expect(holder.coordination.shard(TARGET)?.claims.ofBuilder(liar.id).length).toBe(64)
  })

  test('replayed-request: the same question again, after its claim ended, grants nothing', () => {
    const request: CoordinationMessage = {
      kind: 'request',
      shard: TARGET,
      nonce: 77,
      boot: 1,
      running: [],
      capacity: { memoryBytes: 1, diskBytes: 1, wallMs: 1 }
    }
    expect(tell(holder, request)).toBeUndefined()
    const mine = holder.coordination
      .shard(TARGET)!
      .claims.ofBuilder(liar.id)
      .find(({ nonce }) => nonce === 77)!
    holder.coordination.onFinished(mine.note.job, TARGET)
    expect(tell(holder, request)).toEqual(late('replayed-request'))
    expect(
      holder.coordination
        .shard(TARGET)!
        .claims.ofBuilder(liar.id)
        .some(({ nonce }) => nonce === 77)
    ).toBe(false)
  })

  test('not-asked: a grant to nobody’s question begins no build and is given back', () => {
    const mine = claim({ fence: { ...fence, holder: holder.id }, builder: other.id })
    const running = other.desk.running()
    expect(tell(other, { kind: 'grant', shard: TARGET, nonce: 1, claim: mine }, holder.id)).toEqual(
      late('not-asked')
    )
    expect(tell(other, { kind: 'no-grant', shard: TARGET, nonce: 1, holder: '' }, holder.id)).toEqual(
      late('not-asked')
    )
    expect(other.desk.running()).toEqual(running)
  })

  test('not-newer: an old presence', () => {
    const presence = {
      kind: 'presence',
      boot: 5,
      seq: 9,
      freeSlots: 0,
      running: [],
      entries: 0,
      room: true,
      staying: true
    } as const
    expect(tell(other, presence, liar.id, true)).toBeUndefined()
    expect(tell(other, presence, liar.id, true)).toEqual(late('not-newer'))
  })

  test('a job of another slice is foreign, and a claim of a grant by the old division is not taken', () => {
    const slices = shardsOf(TARGET, 2)
    expect(slices).toContain(shardOfJob(job(1), 2))
    const elsewhere = slices.find((shard) => shard !== shardOfJob(job(1), 2))!
    expect(tell(holder, progress({ job: job(1) }, elsewhere))).toEqual(late('unknown-shard'))
  })
})

describe('the port that hears of liars', () => {
  const [me, liar] = ['me', 'liar'] as [NodeId, NodeId]
  const blames: (readonly [NodeId, string])[] = []
  const view: View = { epoch: 0, witnesses: [liar] }
  const fence: Fence = { epoch: 0, view: viewHash(view), term: 1, holder: liar }

  async function aNode(): Promise<Coordination> {
    blames.length = 0
    const coordination = new Coordination(
      {
        clock: { monotonicMs: () => 0, wallMs: () => 0, sleep: async () => undefined },
        log: silentLog,
        board: { get: () => undefined, openJobs: () => [], fits: () => true, failedOn: () => undefined },
        witnesses: { load: async () => undefined, save: async () => undefined },
        connected: () => [],
        isMember: (node) => node !== stranger,
        buildersOf: () => [],
        send: () => undefined,
        gossip: () => undefined,
        entryCount: () => 0,
        hasResult: () => false,
        lacks: () => undefined,
        blame: (...blame) => void blames.push(blame)
      },
      { self: me, roots: [me], boot: 1 }
    )
    coordination.open(TARGET)
    await new Promise((resolve) => setImmediate(resolve))
    return coordination
  }

  test('hears of what no honest node can send, and of nothing else', async () => {
    const node = await aNode()
    const claim = { job: job(1), builder: me, fence }
    expect(node.receive(liar, { kind: 'progress', shard: TARGET, claim }, false)).toEqual(
      lie('not-the-builder')
    )
    expect(
      node.receive(liar, { kind: 'give-up', shard: TARGET, claim: { ...claim, builder: liar } }, false)
    ).toEqual(late('unknown-claim'))
    expect(blames).toEqual([[liar, 'not-the-builder']])
  })

  test('stranger: a node that is no member, as sender and as builder, without blame: its admission may be on the way', async () => {
    const node = await aNode()
    const claim = { job: job(1), builder: stranger, fence }
    expect(node.receive(stranger, { kind: 'progress', shard: TARGET, claim }, false)).toEqual(
      late('stranger')
    )
    expect(node.receive(liar, { kind: 'note-claim', shard: TARGET, claim }, false)).toEqual(late('stranger'))
    expect(node.claimOn(job(1))).toBeUndefined()
    expect(blames).toEqual([])
  })
})
