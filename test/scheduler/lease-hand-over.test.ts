import { describe, expect, test } from 'vitest'
import type { ClaimNote, LeaseMessage } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { JobId } from '../../src/core/ids.ts'
import { LeaseMesh, nodeName, type LeaseNode } from './lease-mesh.ts'
import { TARGET } from './mesh.ts'

/** A request, its claim on the witnesses, and the grant: five hops of up to 65 ms. */
const GRANT_HOPS_MS = 5 * 65

function inOffice(options: ConstructorParameters<typeof LeaseMesh>[0]): {
  mesh: LeaseMesh
  first: LeaseNode
} {
  const mesh = new LeaseMesh(options)
  expect(mesh.run(60_000, () => mesh.nowMs > 30_000 && mesh.holders().length === 1)).toBe(true)
  return { mesh, first: mesh.holder() }
}

function claim(index: number, fence: Fence): ClaimNote {
  return { job: `p${index}==1.0@${TARGET}` as JobId, builder: nodeName(1), fence }
}

describe('a holder that stops', () => {
  test.for(Array.from({ length: 40 }, (_, seed) => seed))(
    'seed %i: the next one may grant so soon that its first grant comes within a second',
    (seed) => {
      const { mesh, first } = inOffice({ nodes: 3 + (seed % 10), seed, diskMs: 20 })
      mesh.stop(first)
      const stoppedMs = mesh.nowMs
      expect(mesh.run(10_000, () => mesh.holders().some((node) => node !== first))).toBe(true)
      expect(mesh.nowMs - stoppedMs).toBeLessThan(1_000 - GRANT_HOPS_MS)
    }
  )

  test('gives its live claims to the next one', () => {
    const { mesh, first } = inOffice({ nodes: 5 })
    first.claims.push(claim(1, first.lease.fence()!), claim(2, first.lease.fence()!))
    const claims = [...first.claims]
    mesh.stop(first)
    mesh.run(1_000)
    expect(mesh.holder().elected).toEqual(expect.arrayContaining(claims))
  })

  test('with more claims than one message holds, the next one settles before it grants', () => {
    const { mesh, first } = inOffice({ nodes: 5 })
    for (let i = 0; i < 201; i++) first.claims.push(claim(i, first.lease.fence()!))
    mesh.stop(first)
    const stoppedMs = mesh.nowMs
    expect(mesh.run(10_000, () => mesh.holders().some((node) => node !== first))).toBe(true)
    expect(mesh.nowMs - stoppedMs).toBeGreaterThan(2_000)
    expect(mesh.holder().elected.length).toBe(200)
  })

  test('hands its claims to nobody but the next one', () => {
    const { mesh, first } = inOffice({ nodes: 9 })
    first.claims.push(claim(1, first.lease.fence()!))
    mesh.stop(first)
    mesh.run(10)
    const told = mesh.sent.filter(({ message }) => message.kind === 'hand-over')
    expect(told.length).toBe(8)
    expect(told.filter(({ message }) => 'claims' in message && message.claims.length > 0).length).toBe(1)
  })

  test('names nobody when it has no authority left', () => {
    const { mesh, first } = inOffice({ nodes: 3 })
    mesh.reaches = () => false
    mesh.run(9_500, () => !first.lease.hasAuthority(mesh.nowMs))
    mesh.stop(first)
    mesh.run(10)
    const said = mesh.sent.flatMap(({ message }) => (message.kind === 'hand-over' ? [message] : []))
    expect(said.map(({ to }) => to)).toEqual(['', ''])
  })

  test('and whose next one is dead: another takes over by the usual way, within seconds', () => {
    const { mesh, first } = inOffice({ nodes: 5 })
    mesh.stop(first)
    mesh.run(10)
    const named = mesh.sent.flatMap(({ message }) => (message.kind === 'hand-over' ? [message.to] : []))[0]!
    mesh.kill(mesh.node(named as LeaseNode['id']))
    const stoppedMs = mesh.nowMs
    expect(mesh.run(30_000, () => mesh.holders().length === 1)).toBe(true)
    expect(mesh.nowMs - stoppedMs).toBeLessThan(8_000)
  })

  test('even if the hand-over reaches the witnesses last', () => {
    const { mesh, first } = inOffice({ nodes: 3 })
    const late: (() => void)[] = []
    mesh.reaches = (from, to, message) => {
      if (message.kind !== 'hand-over' || message.to === to) return true
      late.push(() => mesh.say(from, to, message))
      return false
    }
    mesh.stop(first)
    mesh.run(300)
    expect(mesh.holders()).toEqual([])
    for (const say of late) say()
    mesh.run(65)
    expect(mesh.holders().length).toBe(1)
  })
})

describe('a hand-over that changes nothing', () => {
  const handOver = (fence: Fence, to: LeaseNode['id']): LeaseMessage => ({
    kind: 'hand-over',
    shard: TARGET,
    fence,
    to,
    claims: [],
    complete: true
  })

  test('by a node that does not hold', () => {
    const { mesh, first } = inOffice({ nodes: 5 })
    const [liar, next] = mesh.nodes.filter((node) => node !== first)
    const fence = { ...first.lease.fence()!, term: 99, holder: liar!.id }
    for (const { id } of mesh.nodes) mesh.say(liar!.id, id, handOver(fence, next!.id))
    mesh.run(20_000, () => {
      expect(mesh.holders()).toEqual([first])
      return false
    })
  })

  test('in the name of the holder', () => {
    const { mesh, first } = inOffice({ nodes: 5 })
    const [liar, next] = mesh.nodes.filter((node) => node !== first)
    const refusal = mesh.say(liar!.id, next!.id, handOver(first.lease.fence()!, next!.id))
    expect(refusal).toEqual({ rule: 'foreign-fence', blame: true })
    mesh.run(2_000)
    expect(mesh.holders()).toEqual([first])
  })

  test('of an earlier tenure of the same holder', () => {
    const { mesh, first } = inOffice({ nodes: 3 })
    const old = first.lease.fence()!
    mesh.kill(first)
    mesh.run(1_000)
    mesh.boot(first)
    mesh.run(60_000, () => mesh.holders().length === 1)
    const now = mesh.holder()
    const other = mesh.nodes.find((node) => node !== now)!
    expect(mesh.say(first.id, other.id, handOver(old, other.id))?.blame).toBe(false)
    mesh.run(3_000)
    expect(mesh.holders()).toEqual([now])
  })

  test('repeated after the next one took office', () => {
    const { mesh, first } = inOffice({ nodes: 5 })
    const old = first.lease.fence()!
    mesh.stop(first)
    mesh.run(1_000)
    const next = mesh.holder()
    for (const { id } of mesh.nodes) if (id !== first.id) mesh.say(first.id, id, handOver(old, nodeName(4)))
    mesh.run(15_000, () => {
      expect(mesh.holders()).toEqual([next])
      return false
    })
  })

  test('a beat that was sent before it and comes after it binds no witness again', () => {
    const { mesh, first } = inOffice({ nodes: 3 })
    const witness = mesh.nodes.find((node) => node !== first)!
    const fence = first.lease.fence()!
    const { witnesses } = first.lease.view()
    mesh.say(first.id, witness.id, handOver(fence, '' as LeaseNode['id']))
    const refusal = mesh.say(first.id, witness.id, { kind: 'beat', shard: TARGET, fence, witnesses, seq: 9 })
    expect(refusal).toEqual({ rule: 'handed-over', blame: false })
    expect(witness.lease.holder(mesh.nowMs)).toBeUndefined()
  })
})
