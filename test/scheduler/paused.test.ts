import { describe, expect, test } from 'vitest'
import type { PausedNote, Presence } from '../../src/core/coordination.ts'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import { MAX_PAUSE_REASON_CHARS } from '../../src/core/limits.ts'
import type { ResultFact } from '../../src/ledger/results.ts'
import { expectedMs } from '../../src/scheduler/expected-time.ts'
import { PresenceBook } from '../../src/scheduler/presence-book.ts'
import { PresenceTeller } from '../../src/scheduler/presence-teller.ts'
import { Roster } from '../../src/scheduler/roster.ts'
import { TARGET, TestMesh } from './mesh.ts'

const HOT = 'node-00' as NodeId
const heat: PausedNote = { cause: 'heat', reason: '81 °C', elapsedMs: 1_000 }

test('a paused builder completes what it builds, asks for nothing, tells the others, and goes on after', async () => {
  let note: PausedNote | undefined
  const mesh = new TestMesh({
    seed: 1,
    nodes: 3,
    jobs: 40,
    buildMs: 60_000,
    paused: (node) => (node === HOT ? note : undefined)
  })
  const builtHot = (): number => [...mesh.builds.values()].flat().filter((node) => node === HOT).length
  const [hot, other] = mesh.nodes
  expect(await mesh.run(120_000, () => hot?.desk.running().length === 1)).toBe(true)
  note = heat
  const job = hot?.desk.running()[0]?.job ?? ''
  await mesh.run(300_000)
  expect(mesh.builds.get(job as JobId)).toEqual([HOT])
  expect([builtHot(), hot?.desk.freeSlots(), hot?.desk.running()]).toEqual([1, 0, []])
  expect(other?.coordination.presence.get(HOT)?.presence.paused).toMatchObject({
    cause: 'heat',
    reason: '81 °C'
  })
  note = undefined
  expect(await mesh.run(3_600_000, () => mesh.builds.size === 40)).toBe(true)
  expect(builtHot()).toBeGreaterThan(1)
  // Nothing was built twice over it.
  expect([...mesh.builds.values()].every((builders) => builders.length === 1)).toBe(true)
})

test('what a builder gives back is built by another one, once', async () => {
  const asked: { note?: PausedNote } = {}
  const mesh = new TestMesh({
    seed: 2,
    nodes: 3,
    jobs: 6,
    buildMs: 60_000,
    paused: (node) => (node === HOT ? asked.note : undefined)
  })
  const [hot] = mesh.nodes
  expect(await mesh.run(120_000, () => hot?.desk.running().length === 1)).toBe(true)
  const job = hot?.desk.running()[0]?.job ?? ''
  asked.note = { cause: 'owner', reason: 'its owner paused it', elapsedMs: 0 }
  void hot?.desk.giveBack()
  expect(await mesh.run(600_000, () => mesh.builds.size === 6)).toBe(true)
  expect(mesh.builds.get(job as JobId)).toHaveLength(1)
  expect([...mesh.builds.values()].flat()).not.toContain(HOT)
})

test('whoever is paused is no builder who is there', () => {
  const presence = new PresenceBook()
  const [self, a, b] = ['self', 'a', 'b'] as unknown as readonly [NodeId, NodeId, NodeId]
  const roster = new Roster({
    self,
    presence,
    connected: () => [],
    isMember: () => true,
    buildersOf: () => [self, a]
  })
  const say = (node: NodeId, seq: number, paused?: PausedNote): boolean =>
    presence.note(node, { ...aWord(seq), ...(paused && { paused }) }, 0)
  say(self, 1)
  say(a, 1)
  expect([roster.isServed(TARGET, 0), roster.hasOtherBuilder(TARGET, self, 0)]).toEqual([true, true])
  say(a, 2, heat)
  expect([roster.isServed(TARGET, 0), roster.hasOtherBuilder(TARGET, self, 0)]).toEqual([true, false])
  say(self, 2, heat)
  expect(roster.isServed(TARGET, 0)).toBe(false)
  say(a, 3)
  expect([roster.isServed(TARGET, 0), roster.hasOtherBuilder(TARGET, b, 0)]).toEqual([true, true])
  // It is here all the same: it may witness and lead.
  expect(roster.present(0)).toContain(self)
})

test('the cause is told at once, each new temperature is not; a long reason is cut', () => {
  let note: PausedNote | undefined
  const said: Presence[] = []
  const teller = new PresenceTeller({
    boot: 1,
    workload: () => ({ freeSlots: () => 0, running: () => [], paused: () => note }),
    entryCount: () => 0,
    nodes: () => 3,
    tell: (presence) => void said.push(presence)
  })
  for (let nowMs = 0; nowMs < 10_000; nowMs += 250) {
    if (nowMs >= 2_000) note = { cause: 'heat', reason: `${nowMs} °C ${'!'.repeat(400)}`, elapsedMs: 0.5 }
    teller.tick(nowMs)
  }
  expect(said.map(({ paused }) => paused?.cause)).toEqual([undefined, 'heat'])
  expect(said[1]?.paused?.reason).toHaveLength(MAX_PAUSE_REASON_CHARS)
})

describe('how long a job will take', () => {
  const fact = (job: string, minutes: number, over: object = {}): ResultFact =>
    ({
      author: 'n',
      recordId: job,
      record: { job, wheel: {}, startedMs: minutes, durationMs: minutes * 60_000, ...over }
    }) as unknown as ResultFact
  const results = (facts: readonly ResultFact[]) => ({
    versionsOf: () => ['1', '2'],
    ofRelease: (_project: string, version: string) =>
      facts.filter(({ record }) => record.job.includes(`==${version}@`))
  })
  const expected = (facts: readonly ResultFact[]): number | undefined => {
    const ms = expectedMs(results(facts), `demo==3@${TARGET}` as JobId)
    return ms === undefined ? undefined : ms / 60_000
  }
  const other = 'cp313-linux_aarch64-glibc2.41'

  test('the middle one of what it took here, else elsewhere; nobody knows what was never built', () => {
    expect(expected([])).toBeUndefined()
    expect(expected([fact(`demo==1@${other}`, 30)])).toBe(30)
    expect(expected([fact(`demo==1@${other}`, 30), fact(`demo==2@${TARGET}`, 7)])).toBe(7)
    expect(expected([1, 200, 20].map((minutes) => fact(`demo==2@${TARGET}`, minutes)))).toBe(20)
  })

  test('a build that failed early says nothing, one that ran out of time does; what was only renamed took no time', () => {
    const failed = (cause: string): object => ({ wheel: undefined, failure: { cause } })
    expect(expected([fact(`demo==1@${TARGET}`, 1, failed('compile-error'))])).toBeUndefined()
    expect(expected([fact(`demo==1@${TARGET}`, 180, failed('timeout'))])).toBe(180)
    expect(expected([fact(`demo==1@${TARGET}`, 1, { builtAs: 'x' })])).toBeUndefined()
  })
})

function aWord(seq: number): Presence {
  return { kind: 'presence', boot: 1, seq, freeSlots: 1, running: [], entries: 0, room: true, staying: true }
}
