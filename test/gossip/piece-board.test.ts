import { expect, test } from 'vitest'
import fc from 'fast-check'
import type { NodeId } from '../../src/core/ids.ts'
import { PieceBoard } from '../../src/gossip/piece-board.ts'

const a = 'a' as NodeId
const b = 'b' as NodeId
const c = 'c' as NodeId

test('pieces go out in their order, each to one holder', () => {
  const board = new PieceBoard([2, 0, 1])
  expect([board.take(a, 0), board.take(b, 0), board.take(a, 1), board.take(b, 1)]).toEqual([
    0,
    1,
    2,
    undefined
  ])
})

test('what a lost holder was asked for is open again, in its place; what it brought is not', () => {
  const board = new PieceBoard([0, 1, 2, 3])
  expect([board.take(a, 0), board.take(b, 0), board.take(a, 0)]).toEqual([0, 1, 2])
  board.arrived(a, 0, 10)
  board.kept(0)
  board.gone(a)
  expect([board.take(b, 10), board.take(b, 10), board.isComplete]).toEqual([2, 3, false])
})

test('a wrong piece is fetched again', () => {
  const board = new PieceBoard([0])
  board.take(a, 0)
  board.arrived(a, 0, 10)
  board.again(0)
  board.gone(a)
  expect(board.take(b, 20)).toBe(0)
})

test('the last piece of a slow holder is fetched a second time by one with nothing to do, and by one only', () => {
  const board = new PieceBoard([0, 1, 2])
  board.take(a, 0)
  board.take(b, 0)
  board.arrived(a, 0, 100)
  board.kept(0)
  expect(board.take(a, 100)).toBe(2)
  board.arrived(a, 2, 200)
  board.kept(2)
  // b is as fast as a until 100 ms later
  expect(board.take(a, 110)).toBeUndefined()
  expect(board.take(a, 260)).toBe(1)
  expect(board.take(c, 300)).toBeUndefined()
  board.arrived(a, 1, 360)
  board.kept(1)
  expect(board.isComplete).toBe(true)
})

test('holders alike do not fetch from under one another', () => {
  const board = new PieceBoard([0, 1, 2, 3])
  board.take(a, 0)
  board.take(b, 0)
  for (const [holder, index] of [
    [a, 0],
    [b, 1]
  ] as const) {
    board.arrived(holder, index, 100)
    board.kept(index)
  }
  expect([board.take(a, 100), board.take(b, 100)]).toEqual([2, 3])
  board.arrived(a, 2, 190)
  board.kept(2)
  expect(board.take(a, 190)).toBeUndefined()
})

/** Holders that take, bring, lie and die as they are told, and what was asked of whom. */
class Holders {
  readonly board: PieceBoard
  readonly missing: Set<number>
  readonly asked = new Map<NodeId, number[]>([a, b, c].map((holder) => [holder, []]))
  nowMs = 0

  constructor(count: number) {
    const all = Array.from({ length: count }, (_, index) => index)
    this.board = new PieceBoard(all)
    this.missing = new Set(all)
  }

  /** The piece that was asked for. */
  take(holder: NodeId): number | undefined {
    const index = this.board.take(holder, this.nowMs)
    if (index !== undefined) this.asked.get(holder)?.push(index)
    return index
  }

  bring(holder: NodeId, isRight = true): void {
    const index = this.asked.get(holder)?.shift()
    if (index === undefined) return
    this.board.arrived(holder, index, this.nowMs)
    if (!isRight) {
      this.board.again(index)
      return
    }
    this.missing.delete(index)
    this.board.kept(index)
    for (const [other, pieces] of this.asked)
      this.asked.set(
        other,
        pieces.filter((piece) => piece !== index)
      )
  }

  die(holder: NodeId): void {
    this.asked.set(holder, [])
    this.board.gone(holder)
  }

  askedOf(index: number): number {
    return [...this.asked.values()].flat().filter((piece) => piece === index).length
  }
}

test('whatever holders do, a piece is never lost, and asked of at most two at once', () => {
  const step = fc.record({
    holder: fc.constantFrom(a, b, c),
    act: fc.constantFrom('take', 'bring', 'lie', 'die'),
    ms: fc.nat(500)
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 60 }), (count, steps) => {
      const holders = new Holders(count)
      for (const { holder, act, ms } of steps) {
        holders.nowMs += ms
        const taken = act === 'take' ? holders.take(holder) : undefined
        if (taken !== undefined) {
          expect(holders.missing.has(taken)).toBe(true)
          expect(holders.askedOf(taken)).toBeLessThanOrEqual(2)
        }
        if (act === 'bring' || act === 'lie') holders.bring(holder, act === 'bring')
        if (act === 'die') holders.die(holder)
      }
      // an honest holder that is left alone brings the rest
      for (const holder of [a, b]) holders.die(holder)
      while ((holders.asked.get(c)?.length ?? 0) > 0 || holders.take(c) !== undefined) holders.bring(c)
      expect(holders.board.isComplete).toBe(true)
    })
  )
})
