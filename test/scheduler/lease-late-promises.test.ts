import { expect, test } from 'vitest'
import type { ClaimNote } from '../../src/core/coordination.ts'
import type { JobId } from '../../src/core/ids.ts'
import { SETTLE_MS } from '../../src/core/limits.ts'
import { LeaseMesh, type LeaseNode } from './lease-mesh.ts'
import { TARGET } from './mesh.ts'

/** What only this one witness knows. */
function ownClaim({ id }: LeaseNode, mesh: LeaseMesh): ClaimNote {
  const fence = mesh.holder().lease.fence()!
  return { job: `${id}==1.0@${TARGET}` as JobId, builder: id, fence }
}

/** Five witnesses, of whom the coordinator dies: three promises elect the next, and the fourth comes after them. */
function afterDeath(seed: number): { mesh: LeaseMesh; alive: readonly LeaseNode[] } {
  const mesh = new LeaseMesh({ nodes: 5, seed })
  mesh.run(40_000)
  const first = mesh.holder()
  const alive = mesh.nodes.filter((node) => node !== first)
  for (const node of alive) node.claims.push(ownClaim(node, mesh))
  mesh.kill(first)
  mesh.run(60_000, () => mesh.holders().length > 0)
  return { mesh, alive }
}

test.for([1, 2, 3, 4, 5])(
  'seed %i: whoever grants knows the claims of every witness that answered, not only of a majority',
  (seed) => {
    const { mesh, alive } = afterDeath(seed)
    const known = mesh.holder().elected.map(({ builder }) => builder)
    expect(known.toSorted()).toEqual(alive.map(({ id }) => id).toSorted())
    expect(mesh.refusals.filter(({ rule }) => rule === 'unasked')).toEqual([])
  }
)

test('once it grants, a promise that is repeated brings back no claim', () => {
  const { mesh, alive } = afterDeath(1)
  const holder = mesh.holder()
  const other = alive.find((node) => node !== holder)!
  const before = holder.elected.length
  mesh.run(SETTLE_MS)
  const fence = holder.lease.fence()!
  const promise = { kind: 'promise', shard: TARGET, fence, claims: other.claims } as const
  expect(mesh.say(other.id, holder.id, promise)).toEqual({ rule: 'unasked', blame: false })
  mesh.run(1_000)
  expect(holder.elected.length).toBe(before)
})
