import { describe, expect, test } from 'vitest'
import type { Presence, RunningJob } from '../../src/core/coordination.ts'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import { PresenceBook } from '../../src/scheduler/presence-book.ts'
import { PresenceTeller } from '../../src/scheduler/presence-teller.ts'
import { Roster } from '../../src/scheduler/roster.ts'
import { TARGET } from './mesh.ts'

const node = (n: number): NodeId => `pi${n}` as NodeId
const job = (n: number): JobId => `p${n}==1.0@${TARGET}` as JobId
const runs = (...jobs: readonly number[]): readonly RunningJob[] =>
  jobs.map((n) => ({ job: job(n), phase: 'build', elapsedMs: 0 }))

function saying(over: Partial<Presence> = {}): Presence {
  return {
    kind: 'presence',
    boot: 1,
    seq: 1,
    freeSlots: 1,
    running: [],
    entries: 0,
    room: true,
    staying: true,
    ...over
  }
}

describe('how often a node speaks', () => {
  /** Every node begins another job every few seconds: how many messages a second does the mesh carry? */
  function rateOf(nodes: number, jobMs: number): number {
    let [nowMs, said] = [0, 0]
    const teller = new PresenceTeller({
      boot: 1,
      workload: () => ({ freeSlots: () => 0, running: () => runs(Math.floor(nowMs / jobMs)) }),
      entryCount: () => 0,
      nodes: () => nodes,
      tell: () => {
        said++
      }
    })
    const forMs = 1_000_000
    for (; nowMs < forMs; nowMs += 250) teller.tick(nowMs)
    return (said * nodes * 1_000) / forMs
  }

  test.for([3, 20, 100, 300, 1_000])('%i nodes with jobs of 2 s say at most some ten a second', (nodes) => {
    expect(rateOf(nodes, 2_000)).toBeLessThanOrEqual(10.5)
  })

  test('in a mesh of three each new job is told at once', () => {
    let nowMs = 0
    const said: (readonly [ms: number, job: JobId | undefined])[] = []
    const teller = new PresenceTeller({
      boot: 1,
      workload: () => ({ freeSlots: () => 0, running: () => runs(Math.floor(nowMs / 2_000)) }),
      entryCount: () => 0,
      nodes: () => 3,
      tell: ({ running }) => void said.push([nowMs, running[0]?.job])
    })
    for (; nowMs < 6_000; nowMs += 250) teller.tick(nowMs)
    expect(said).toEqual([
      [0, job(0)],
      [2_000, job(1)],
      [4_000, job(2)]
    ])
  })

  test('newcomers that connect one after the other do not make it speak faster', () => {
    let said = 0
    const teller = new PresenceTeller({
      boot: 1,
      workload: () => undefined,
      entryCount: () => 0,
      nodes: () => 200,
      tell: () => {
        said++
      }
    })
    for (let nowMs = 0; nowMs < 100_000; nowMs += 250) {
      teller.hurry()
      teller.tick(nowMs)
    }
    expect(said).toBe(5)
  })
})

describe('who was heard of', () => {
  test('an older word of the same process changes nothing', () => {
    const book = new PresenceBook()
    expect(book.note(node(1), saying({ seq: 5, running: runs(5) }), 0)).toBe(true)
    expect(book.note(node(1), saying({ seq: 5, running: runs(4) }), 1)).toBe(false)
    expect(book.note(node(1), saying({ seq: 4 }), 1)).toBe(false)
    expect(book.whoRuns(job(5), 1)).toBe(node(1))
    expect(book.note(node(1), saying({ boot: 2, seq: 1 }), 2)).toBe(true)
    expect(book.whoRuns(job(5), 2)).toBeUndefined()
  })

  test('who runs a job is found among all that say so, as long as they are present', () => {
    const book = new PresenceBook()
    book.note(node(1), saying({ running: runs(1, 2) }), 0)
    book.note(node(2), saying({ running: runs(2) }), 25_000)
    expect(book.whoRuns(job(2), 25_000)).toBe(node(1))
    expect(book.whoRuns(job(2), 40_000)).toBe(node(2))
    expect(book.whoRuns(job(1), 40_000)).toBeUndefined()
  })

  test('however many names an attacker invents, it remembers a bounded number, and those heard last', () => {
    const book = new PresenceBook()
    for (let n = 0; n < 12_000; n++) book.note(node(n), saying({ running: runs(n) }), n)
    expect([...book.present(12_000)].length).toBe(5_000)
    expect(book.get(node(11_999))).toBeDefined()
    expect(book.get(node(0))).toBeUndefined()
    expect(book.whoRuns(job(0), 12_000)).toBeUndefined()
    expect(book.whoRuns(job(11_999), 12_000)).toBe(node(11_999))
  })
})

describe('who is there', () => {
  function aRoster() {
    const presence = new PresenceBook()
    const asked = { connected: 0, builders: 0 }
    const state = { connected: [node(1)], members: new Set([0, 1, 2, 3].map(node)) }
    const roster = new Roster({
      self: node(0),
      presence,
      connected: () => (asked.connected++, state.connected),
      isMember: (one) => state.members.has(one),
      buildersOf: () => (asked.builders++, [node(2), node(3)])
    })
    return { roster, presence, asked, state }
  }

  test('is looked up once, and again when somebody comes, leaves, or a moment has passed', () => {
    const { roster, presence, asked } = aRoster()
    expect(roster.present(0)).toEqual([node(0), node(1)])
    for (let ms = 0; ms < 1_000; ms += 10) roster.present(ms)
    expect(asked.connected).toBe(1)
    presence.note(node(2), saying(), 500)
    expect(roster.present(500)).toEqual([node(0), node(1), node(2)])
    presence.note(node(2), saying({ seq: 2, running: runs(1) }), 510)
    roster.present(510)
    expect(asked.connected).toBe(2)
    presence.note(node(1), saying({ staying: false }), 520)
    expect(roster.present(520)).toEqual([node(0), node(2)])
    roster.present(1_600)
    expect(asked.connected).toBe(4)
  })

  test('leaves out who is no member', () => {
    const { roster, state } = aRoster()
    state.members.delete(node(1))
    expect(roster.present(0)).toEqual([node(0)])
  })

  test('counts the builders of a target once until members change', () => {
    const { roster, presence, asked } = aRoster()
    const target = TARGET
    expect(roster.isServed(target, 0)).toBe(false)
    presence.note(node(3), saying(), 0)
    expect(roster.isServed(target, 0)).toBe(true)
    expect(roster.hasOtherBuilder(target, node(3), 0)).toBe(false)
    expect(roster.hasOtherBuilder(target, node(2), 0)).toBe(true)
    expect(asked.builders).toBe(1)
    roster.membersChanged()
    roster.builders(target)
    expect(asked.builders).toBe(2)
  })
})
