import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import { VIEW_CHANGE_SILENCE_MS } from '../../src/core/limits.ts'
import { rendezvousOrder } from '../../src/core/rendezvous.ts'
import { Rivals } from '../../src/scheduler/lease-rivals.ts'

const nodes = Array.from({ length: 6 }, (_, at) => `node-${at}` as NodeId)
const order = rendezvousOrder('upstream', nodes)
const [first, , third, , , last] = order as [NodeId, NodeId, NodeId, NodeId, NodeId, NodeId]

describe('a candidate', () => {
  test('gives way to one that comes before it, for a while after each asking', () => {
    const rivals = new Rivals('upstream', third)
    rivals.asked(first, 1_000)
    expect(rivals.areTrying(6_999)).toBe(true)
    expect(rivals.areTrying(7_000)).toBe(false)
  })

  test('does not give way to one that comes after it, nor to itself', () => {
    const rivals = new Rivals('upstream', third)
    rivals.asked(last, 0)
    rivals.asked(third, 0)
    expect(rivals.areTrying(1)).toBe(false)
  })

  test('does not give way for ever: the first may hear no answers', () => {
    const rivals = new Rivals('upstream', third)
    let nowMs = 0
    for (; nowMs < VIEW_CHANGE_SILENCE_MS; nowMs += 2_000) rivals.asked(first, nowMs)
    rivals.asked(first, nowMs)
    expect(rivals.areTrying(nowMs + 1)).toBe(false)
  })

  test('gives way anew when the others had their time, and no more once a beat was heard', () => {
    const rivals = new Rivals('upstream', third)
    const gaveWay: number[] = []
    for (let nowMs = 0; nowMs <= 3 * VIEW_CHANGE_SILENCE_MS; nowMs += 2_000) {
      rivals.asked(first, nowMs)
      if (rivals.areTrying(nowMs)) gaveWay.push(nowMs / VIEW_CHANGE_SILENCE_MS)
    }
    expect(gaveWay.filter((turn) => turn < 1).length).toBe(15)
    expect(gaveWay.filter((turn) => turn >= 1 && turn < 2)).toEqual([])
    expect(gaveWay.filter((turn) => turn >= 2).length).toBeGreaterThan(10)
    rivals.forget()
    expect(rivals.areTrying(3 * VIEW_CHANGE_SILENCE_MS + 1)).toBe(false)
  })

  test('is given way to from the moment at which it asks, if it had stood back before', () => {
    const rivals = new Rivals('upstream', last)
    rivals.asked(third, 0)
    rivals.asked(third, 25_000)
    expect(rivals.areTrying(30_500)).toBe(true)
  })

  test('of all who ask, exactly one does not give way', () => {
    const free = nodes.filter((self) => {
      const rivals = new Rivals('upstream', self)
      for (const other of nodes) rivals.asked(other, 0)
      return !rivals.areTrying(1)
    })
    expect(free).toEqual([first])
  })
})
