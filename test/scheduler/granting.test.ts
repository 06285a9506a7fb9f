import { describe, expect, test } from 'vitest'
import type { ClaimNote, CoordinationMessage, View } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import { Claims } from '../../src/scheduler/claims.ts'
import { Granting } from '../../src/scheduler/granting.ts'
import { Troubles } from '../../src/scheduler/troubles.ts'
import { TARGET } from './mesh.ts'

const [me, pi1, pi2, w2, w3] = ['me', 'pi1', 'pi2', 'w2', 'w3'] as NodeId[] as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId
]
const view: View = { epoch: 1, witnesses: [me, w2, w3] }
const fence: Fence = { epoch: 1, view: 'v', term: 3, holder: me }
const job = (n: number): JobId => `p${n}==1.0@${TARGET}` as JobId

interface Over {
  readonly jobs?: readonly JobId[]
  readonly others?: boolean
  readonly fits?: (one: JobId) => boolean
  readonly failedOn?: (one: JobId) => NodeId | undefined
}

function aDesk(over: Over = {}) {
  const sent: { to: NodeId; message: CoordinationMessage }[] = []
  const state = { authority: true, settling: false, nowMs: 0, finished: new Set<JobId>() }
  const claims = new Claims()
  const troubles = new Troubles()
  const desk = new Granting({
    shard: TARGET,
    self: me,
    claims,
    troubles,
    isOurs: () => true,
    isUnfinished: (one) => !state.finished.has(one),
    fits: (one) => over.fits?.(one) ?? true,
    failedOn: (one) => over.failedOn?.(one),
    authority: () => (state.authority ? { fence, view } : undefined),
    holder: () => (state.settling ? me : w2),
    openJobs: () => over.jobs ?? [job(1)],
    hasOtherBuilder: () => over.others ?? true,
    nodes: () => 20,
    hasResult: () => false,
    lacks: () => undefined,
    send: (to, message) => void sent.push({ to, message }),
    gossip: (message) => void sent.push({ to: 'all' as NodeId, message })
  })
  return {
    sent,
    state,
    claims,
    troubles,
    desk,
    ask(from: NodeId, nonce: number, boot = 1) {
      return desk.onRequest(
        from,
        {
          kind: 'request',
          shard: TARGET,
          nonce,
          boot,
          running: [],
          capacity: { memoryBytes: 0, diskBytes: 0, wallMs: 0 }
        },
        state.nowMs
      )
    },
    note(from: NodeId, of: JobId) {
      return desk.onNoted(
        from,
        {
          kind: 'claim-noted',
          shard: TARGET,
          claim: { job: of, builder: claims.get(of)?.note.builder ?? from, fence }
        },
        state.nowMs
      )
    },
    tick(ms: number) {
      state.nowMs += ms
      for (const claim of claims.expire(state.nowMs)) desk.onExpired(claim, state.nowMs)
      desk.tick(state.nowMs)
    },
    told: (to: NodeId) => sent.filter((one) => one.to === to).map(({ message }) => message.kind)
  }
}

describe('a grant', () => {
  test('is told to the builder only when a majority of witnesses has noted it', () => {
    const desk = aDesk()
    desk.ask(pi1, 7)
    expect(desk.told(w2)).toEqual(['note-claim'])
    expect(desk.told(pi1)).toEqual([])
    desk.note(w2, job(1))
    expect(desk.told(pi1)).toEqual(['grant'])
    desk.note(w3, job(1))
    expect(desk.told(pi1)).toEqual(['grant'])
  })

  test('is not told when the authority ended while the witnesses noted it', () => {
    const desk = aDesk()
    desk.ask(pi1, 7)
    desk.state.authority = false
    desk.note(w2, job(1))
    expect(desk.told(pi1)).toEqual([])
  })

  test('answers a repeated request with the same claim', () => {
    const desk = aDesk({ jobs: [job(1), job(2)] })
    desk.ask(pi1, 7)
    desk.note(w2, desk.sent[0]!.message.kind === 'note-claim' ? desk.sent[0]!.message.claim.job : job(0))
    desk.ask(pi1, 7)
    expect(desk.told(pi1)).toEqual(['grant', 'grant'])
    expect(desk.claims.size()).toBe(1)
  })

  test('does not count strangers among the witnesses', () => {
    const desk = aDesk()
    desk.ask(pi1, 7)
    desk.note(pi2, job(1))
    expect(desk.told(pi1)).toEqual([])
  })

  test('without authority names who has it', () => {
    const desk = aDesk()
    desk.state.authority = false
    desk.ask(pi1, 7)
    expect(desk.sent).toEqual([
      { to: pi1, message: { kind: 'no-grant', shard: TARGET, nonce: 7, holder: w2 } }
    ])
  })

  test('goes to one builder: the next one gets another job, or nothing', () => {
    const desk = aDesk()
    desk.ask(pi1, 7)
    desk.ask(pi2, 8)
    expect(desk.told(pi2)).toEqual(['no-grant'])
  })
})

test('a late answer about an earlier offer does not confirm a new one to somebody else', () => {
  const desk = aDesk()
  desk.ask(pi1, 7)
  desk.tick(5_001)
  desk.ask(pi2, 8)
  desk.desk.onNoted(
    w2,
    { kind: 'claim-noted', shard: TARGET, claim: { job: job(1), builder: pi1, fence } },
    desk.state.nowMs
  )
  expect(desk.told(pi2)).toEqual([])
})

test('a grant that never reached its builder is given again, without calling it a crash', () => {
  const desk = aDesk()
  desk.ask(pi1, 7)
  desk.note(w2, job(1))
  desk.tick(16_000)
  desk.ask(pi1, 8)
  expect(desk.claims.size()).toBe(0)
  desk.tick(16_000)
  desk.ask(pi1, 9)
  expect(desk.claims.get(job(1))?.nonce).toBe(9)
  expect(desk.troubles.crashesOf(job(1))).toBe(0)
})

test('a late request, sent before the grant came, does not take its claim back', () => {
  const desk = aDesk()
  desk.ask(pi1, 7)
  desk.note(w2, job(1))
  desk.tick(10_000)
  desk.ask(pi1, 6)
  expect(desk.claims.get(job(1))?.nonce).toBe(7)
})

describe('a silent builder', () => {
  function granted() {
    const desk = aDesk()
    desk.ask(pi1, 7)
    desk.note(w2, job(1))
    return desk
  }

  test('keeps its claim while it tells of progress, however long it takes', () => {
    const desk = granted()
    for (let i = 0; i < 100; i++) {
      desk.tick(100_000)
      desk.claims.note({ job: job(1), builder: pi1, fence }, desk.state.nowMs)
    }
    expect(desk.claims.size()).toBe(1)
  })

  test('loses it after two minutes, and another is asked first', () => {
    const desk = granted()
    desk.tick(120_001)
    expect(desk.troubles.crashesOf(job(1))).toBe(1)
    desk.ask(pi1, 8)
    expect(desk.told(pi1).at(-1)).toBe('no-grant')
    desk.ask(pi2, 9)
    expect(desk.claims.get(job(1))?.note.builder).toBe(pi2)
  })

  test('that comes back as a new process has lost its work: no need to wait', () => {
    const desk = granted()
    desk.ask(pi1, 8, 2)
    expect(desk.troubles.crashesOf(job(1))).toBe(1)
  })

  test('is not blamed for an offer that its witnesses never noted', () => {
    const desk = aDesk()
    desk.ask(pi1, 7)
    desk.tick(5_001)
    expect(desk.claims.size()).toBe(0)
    expect(desk.troubles.crashesOf(job(1))).toBe(0)
  })

  test('over and over: the waits grow', () => {
    const desk = aDesk({ others: false })
    const waits: number[] = []
    for (let boot = 1; boot <= 4; boot++) {
      const sinceMs = desk.state.nowMs
      do {
        desk.tick(10_000)
        desk.ask(pi1, boot * 1_000 + desk.state.nowMs / 10_000, boot)
      } while (desk.claims.size() === 0)
      waits.push(desk.state.nowMs - sinceMs)
      desk.note(w2, job(1))
    }
    // Each wait begins when the builder is found to be back, one question of 10 s after the last.
    expect(waits).toEqual([10_000, 10_000, 70_000, 130_000])
  })
})

test('claims of a lower fence never replace those of a higher one', () => {
  const claims = new Claims()
  const high: ClaimNote = { job: job(1), builder: pi2, fence: { ...fence, term: 9 } }
  claims.note(high, 0)
  claims.note({ job: job(1), builder: pi1, fence }, 0)
  expect(claims.get(job(1))?.note).toEqual(high)
  claims.release(job(1), 0, { job: job(1), builder: pi1, fence })
  expect(claims.get(job(1))?.note).toEqual(high)
})
