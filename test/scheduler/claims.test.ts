import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ClaimNote } from '../../src/core/coordination.ts'
import { compareFences, type Fence } from '../../src/core/fence.ts'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import { CLAIM_TTL_MS, MAX_CLAIMS_PER_BUILDER } from '../../src/core/limits.ts'
import { Claims } from '../../src/scheduler/claims.ts'
import { TARGET } from './mesh.ts'

const job = (n: number): JobId => `p${n}==1.0@${TARGET}` as JobId
const node = (n: number): NodeId => `pi${n}` as NodeId
const fenceOf = (term: number): Fence => ({ epoch: 1, view: 'v', term, holder: 'me' as NodeId })
const note = (n: number, builder: number, term = 1): ClaimNote => ({
  job: job(n),
  builder: node(builder),
  fence: fenceOf(term)
})

describe('two builders on one job', () => {
  test('the higher fence counts, whoever is heard last', () => {
    const claims = new Claims()
    claims.note(note(1, 1, 5), 0)
    claims.note(note(1, 2, 3), 1, 'builder')
    expect(claims.get(job(1))?.note).toEqual(note(1, 1, 5))
    claims.note(note(1, 3, 7), 2)
    expect(claims.get(job(1))?.note).toEqual(note(1, 3, 7))
  })

  test('when the one falls silent the other has the job: nothing is open, nobody crashed', () => {
    const claims = new Claims()
    claims.note(note(1, 1, 5), 0)
    claims.note(note(1, 2, 3), 90_000, 'builder')
    expect(claims.expire(CLAIM_TTL_MS)).toEqual([])
    expect(claims.get(job(1))?.note.builder).toBe(node(2))
    expect(claims.expire(10 * CLAIM_TTL_MS).map((claim) => claim.note.builder)).toEqual([node(2)])
  })

  test('when the one gives up the other has it', () => {
    const claims = new Claims()
    claims.note(note(1, 1, 5), 0)
    claims.note(note(1, 2, 3), 0, 'builder')
    claims.release(job(1), 1, note(1, 1, 5))
    expect(claims.get(job(1))?.note.builder).toBe(node(2))
  })

  test('a result ends both', () => {
    const claims = new Claims()
    claims.note(note(1, 1, 5), 0)
    claims.note(note(1, 2, 3), 0, 'builder')
    claims.finish(job(1))
    expect(claims.get(job(1))).toBeUndefined()
    expect(claims.size()).toBe(0)
  })

  test('an offer that nobody was told of gives way to whoever works', () => {
    const claims = new Claims()
    claims.open(note(1, 1, 9), { boot: 1, nonce: 1 }, 0)
    claims.note(note(1, 2, 3), 0, 'builder')
    expect(claims.get(job(1))?.note).toEqual(note(1, 2, 3))
  })

  test('a builder renews its newest claim also by the fence of an earlier one', () => {
    const claims = new Claims()
    claims.note(note(1, 1, 5), 0)
    claims.note(note(1, 1, 3), 100_000, 'builder')
    expect(claims.get(job(1))).toMatchObject({ note: note(1, 1, 5), untilMs: 100_000 + CLAIM_TTL_MS })
  })
})

test('one builder has a bounded number of claims, and each can be renewed', () => {
  const claims = new Claims()
  for (let n = 0; n < 1_000; n++) claims.note(note(n, 1), 0)
  expect(claims.size()).toBe(MAX_CLAIMS_PER_BUILDER)
  expect(claims.note(note(1_000, 1), 0)).toBe(false)
  expect(claims.note(note(0, 1), 5)).toBe(true)
  expect(claims.note(note(1_000, 2), 0)).toBe(true)
})

test('the newest claims are handed on first: of the older ones the builders have told', () => {
  const claims = new Claims()
  for (let n = 0; n < 5; n++) claims.note(note(n, n), n)
  claims.note(note(1, 1), 9)
  expect([...claims.notes()].map((one) => one.job)).toEqual([1, 4, 3, 2, 0].map(job))
})

/** What Claims must come to, without indices or orders: a list, searched each time. */
class PlainClaims {
  list: { note: ClaimNote; untilMs: number; open: boolean }[] = []

  note(one: ClaimNote, nowMs: number): void {
    const known = this.list.find((claim) => claim.note.job === one.job)
    if (known !== undefined && compareFences(one.fence, known.note.fence) < 0 && !known.open) return
    const same = known?.note.builder === one.builder && compareFences(one.fence, known.note.fence) === 0
    if (same && known.open) return
    this.list = this.list.filter((claim) => claim !== known)
    this.list.push({ note: one, untilMs: nowMs + CLAIM_TTL_MS, open: false })
  }
}

test('whatever happens, the index by builder and the order of expiry agree with a plain list', () => {
  const step = fc.record({
    what: fc.constantFrom('note', 'open', 'finish', 'expire'),
    n: fc.nat(5),
    term: fc.integer({ min: 1, max: 3 }),
    waitMs: fc.constantFrom(0, 1, 3_000, 70_000)
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const claims = new Claims()
      const plain = new PlainClaims()
      let nowMs = 0
      for (const { what, n, term, waitMs } of steps) {
        nowMs += waitMs
        // One builder a job: what a second one comes to is shown above.
        const one = note(n, n % 3, term)
        if (what === 'note') {
          claims.note(one, nowMs)
          plain.note(one, nowMs)
        } else if (what === 'open' && claims.get(one.job) === undefined) {
          claims.open(one, { boot: 1, nonce: 1 }, nowMs)
          plain.list.push({ note: one, untilMs: nowMs + 5_000, open: true })
        } else if (what === 'finish') {
          claims.finish(one.job)
          plain.list = plain.list.filter((claim) => claim.note.job !== one.job)
        } else if (what === 'expire') {
          const over = claims.expire(nowMs).map((claim) => claim.note.job)
          const gone = plain.list.filter((claim) => claim.untilMs <= nowMs)
          expect(over.sort()).toEqual(gone.map((claim) => claim.note.job).sort())
          plain.list = plain.list.filter((claim) => claim.untilMs > nowMs)
        }
        expect(claims.size()).toBe(plain.list.length)
        for (const { note: known, untilMs } of plain.list)
          expect(claims.get(known.job)).toMatchObject({ note: known, untilMs })
        for (let builder = 0; builder < 3; builder++) {
          const mine = plain.list.filter((claim) => claim.note.builder === node(builder))
          const found = claims.ofBuilder(node(builder)).map((claim) => claim.note.job)
          expect(found.sort()).toEqual(mine.map((claim) => claim.note.job).sort())
        }
      }
    })
  )
})
