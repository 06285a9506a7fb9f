import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { NodeId, Sha256 } from '../../src/core/ids.ts'
import { Placement, type Keeper } from '../../src/core/placement.ts'

const node = (n: number): NodeId => `pi${n}` as NodeId
const keys: readonly Sha256[] = Array.from({ length: 2_000 }, (_, n) => sha256Hex(`blob ${n}`))
const meshOf = (nodes: number, full: readonly number[] = []): readonly Keeper[] =>
  Array.from({ length: nodes }, (_, n) => ({ node: node(n), room: !full.includes(n) }))

const meshes = fc.record({
  keepers: fc
    .uniqueArray(fc.nat(200), { minLength: 1, maxLength: 30 })
    .chain((names) =>
      fc
        .array(fc.boolean(), { minLength: names.length, maxLength: names.length })
        .map((rooms) => names.map((n, at): Keeper => ({ node: node(n), room: rooms[at]! })))
    ),
  replication: fc.integer({ min: 1, max: 5 }),
  key: fc.constantFrom(...keys)
})

describe('who holds a blob', () => {
  test('distinct members with room, as many as there are up to r', () => {
    fc.assert(
      fc.property(meshes, ({ keepers, replication, key }) => {
        const holders = new Placement(keepers, replication).holders(key)
        const roomy = keepers.filter(({ room }) => room).map((keeper) => keeper.node)
        expect(new Set(holders).size).toBe(Math.min(replication, roomy.length))
        expect(holders.every((holder) => roomy.includes(holder))).toBe(true)
      })
    )
  })

  test('the same whatever the order in which members are known', () => {
    fc.assert(
      fc.property(meshes, ({ keepers, replication, key }) => {
        const [one, other] = [keepers, keepers.toReversed()].map((list) => new Placement(list, replication))
        expect(other!.order(key)).toEqual(one!.order(key))
      })
    )
  })

  test('what each one computes for itself is what all compute of it', () => {
    fc.assert(
      fc.property(meshes, ({ keepers, replication, key }) => {
        const placement = new Placement(keepers, replication)
        const order = placement.order(key)
        const holders = placement.holders(key)
        for (const { node: self } of keepers) {
          const duty = placement.dutyOf(self, key)
          expect(duty.kind !== 'none').toBe(holders.includes(self))
          const others = placement.othersBeside(self, key)
          expect(others).not.toContain(self)
          expect(placement.isAmongFirst(self, key)).toBe(
            order.filter((one) => one === self || placement.hasRoom(one)).indexOf(self) < replication
          )
          if (duty.kind !== 'spare') continue
          const before = order.slice(0, order.indexOf(self))
          expect(new Set(duty.instead)).toEqual(new Set(before.filter((one) => !placement.hasRoom(one))))
          expect(duty.enough).toBe(replication - before.filter((one) => placement.hasRoom(one)).length)
        }
      })
    )
  })

  test('one that goes gives its copies to one other each, one that comes takes one each: nothing else moves', () => {
    fc.assert(
      fc.property(meshes, fc.nat(), ({ keepers, replication, key }, pick) => {
        const gone = keepers[pick % keepers.length]!
        const before = new Placement(keepers, replication).holders(key)
        const after = new Placement(
          keepers.filter((keeper) => keeper !== gone),
          replication
        ).holders(key)
        expect(before.filter((holder) => holder !== gone.node && !after.includes(holder))).toEqual([])
        expect(after.filter((holder) => !before.includes(holder)).length).toBeLessThanOrEqual(1)
        if (!before.includes(gone.node)) expect(after).toEqual(before)
      })
    )
  })
})

describe('shares', () => {
  test('are even: no member holds much more than another', () => {
    for (const nodes of [5, 10, 50]) {
      const placement = new Placement(meshOf(nodes), 3)
      const held = new Map<NodeId, number>()
      for (const key of keys)
        for (const holder of placement.holders(key)) held.set(holder, (held.get(holder) ?? 0) + 1)
      const mean = (3 * keys.length) / nodes
      // Six standard deviations of a fair draw.
      const slack = 6 * Math.sqrt(mean)
      for (const count of held.values()) expect(Math.abs(count - mean)).toBeLessThan(slack)
      expect(held.size).toBe(nodes)
    }
  })

  test('of two members have as much in common as chance gives: none is the other one’s shadow', () => {
    const placement = new Placement(meshOf(10), 3)
    const held = (n: number): Set<Sha256> =>
      new Set(keys.filter((key) => placement.holders(key).includes(node(n))))
    const [one, other] = [held(0), held(1)]
    const common = [...one].filter((key) => other.has(key)).length
    // 3 of 10 and then 2 of the other 9.
    expect(common).toBeGreaterThan(keys.length * 0.3 * (2 / 9) * 0.7)
    expect(common).toBeLessThan(keys.length * 0.3 * (2 / 9) * 1.3)
  })

  test('of a member that is full go to others, half of the members to be full is no trouble', () => {
    const placement = new Placement(meshOf(10, [0, 2, 4, 6, 8]), 3)
    for (const key of keys) expect(placement.holders(key)).toHaveLength(3)
    expect(placement.dutyOf(node(0), keys[0]!)).toEqual({ kind: 'none' })
  })
})

/** For other programs: docs/protocol/replication.md has the function. */
test('the order of a blob is what the specification says', () => {
  const placement = new Placement(meshOf(6), 3)
  expect(placement.order(sha256Hex('a blob'))).toEqual(specified(sha256Hex('a blob'), 6))
})

function specified(key: Sha256, nodes: number): readonly NodeId[] {
  const M = 0xffffffffn
  const mix = (word: bigint): bigint => {
    let h = word
    h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & M
    h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & M
    return h ^ (h >> 16n)
  }
  const words = (digest: Sha256): [bigint, bigint] => [
    BigInt(`0x${digest.slice(0, 8)}`),
    BigInt(`0x${digest.slice(8, 16)}`)
  ]
  const [k0, k1] = words(key)
  return Array.from({ length: nodes }, (_, n) => {
    const [n0, n1] = words(sha256Hex(node(n)))
    return { id: node(n), weight: mix(mix(n0 ^ k0) ^ n1 ^ k1) }
  })
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .map(({ id }) => id)
}
