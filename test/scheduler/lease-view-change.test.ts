import { describe, expect, test } from 'vitest'
import type { LeaseMessage } from '../../src/core/coordination.ts'
import type { NodeId } from '../../src/core/ids.ts'
import { LeaseMesh, type LeaseNode } from './lease-mesh.ts'
import { TARGET } from './mesh.ts'

const minute = 60_000
const seeds = [1, 2, 3, 4, 5]

/** A mesh whose only witness is its first node, so that its first holder wants three as soon as it may. */
function founded(seed: number, nodes = 5): { mesh: LeaseMesh; first: LeaseNode } {
  const mesh = new LeaseMesh({ nodes, witnesses: 1, seed, diskMs: 20 })
  expect(mesh.run(minute, () => mesh.holders().length === 1)).toBe(true)
  return { mesh, first: mesh.holder() }
}

/** At every event from now on this node, and nobody else, may grant. */
function staysInOffice(mesh: LeaseMesh, first: LeaseNode, forMs: number): void {
  mesh.run(forMs, () => {
    if (mesh.holders().length !== 1 || mesh.holder() !== first) {
      throw new Error(
        `at ${mesh.nowMs} ms in office: ${
          mesh
            .holders()
            .map(({ id }) => id)
            .join() || 'nobody'
        }`
      )
    }
    return false
  })
}

function prepares(mesh: LeaseMesh, from: LeaseNode): readonly Extract<LeaseMessage, { kind: 'prepare' }>[] {
  return mesh.sent.flatMap(({ from: one, message }) =>
    one === from.id && message.kind === 'prepare' ? [message] : []
  )
}

describe('a holder that changes its view', () => {
  test.for(seeds)('seed %i: grants all the while', (seed) => {
    const { mesh, first } = founded(seed)
    staysInOffice(mesh, first, minute)
    expect(first.lease.view().witnesses.length).toBe(3)
    expect(first.lease.fence()!.epoch).toBe(first.lease.view().epoch)
  })

  test.for(seeds)('seed %i: asks for no promise before the newcomers answered', (seed) => {
    const { mesh, first } = founded(seed)
    mesh.sent.length = 0
    mesh.reaches = (from, to, { kind }) => kind !== 'pre-vote' && to !== from
    staysInOffice(mesh, first, 5 * minute)
    expect(mesh.sent.some(({ message }) => message.kind === 'pre-vote')).toBe(true)
    expect(prepares(mesh, first)).toEqual([])
    expect(first.lease.view().witnesses.length).toBe(1)
  })

  test.for(seeds)('seed %i: keeps its lease when the change fails, and brings it about later', (seed) => {
    const { mesh, first } = founded(seed)
    mesh.sent.length = 0
    mesh.reaches = (from, to, { kind }) => kind !== 'promise' || from === to
    staysInOffice(mesh, first, 5 * minute)
    const terms = prepares(mesh, first).map(({ fence }) => fence.term)
    expect(new Set(terms).size).toBeGreaterThan(3)
    expect(terms).toEqual([...terms].sort((a, b) => a - b))
    mesh.reaches = () => true
    staysInOffice(mesh, first, minute)
    expect(first.lease.view().witnesses.length).toBe(3)
  })

  test.for(seeds)('seed %i: keeps its lease when only some of its witnesses promised', (seed) => {
    const mesh = new LeaseMesh({ nodes: 5, witnesses: 3, seed })
    mesh.run(20_000)
    const first = mesh.holder()
    const gone = mesh.nodes.find((node) => node !== first && first.lease.view().witnesses.includes(node.id))!
    mesh.kill(gone)
    const hears = first.lease.view().witnesses.find((id) => id !== first.id && id !== gone.id)!
    mesh.reaches = (_from, to, { kind }) => kind !== 'prepare' || to === hears
    staysInOffice(mesh, first, 3 * minute)
    expect(mesh.node(hears).memory!.next).toBeDefined()
    mesh.reaches = () => true
    staysInOffice(mesh, first, minute)
    expect(first.lease.view().witnesses).not.toContain(gone.id)
  })

  test.for([...seeds, 6, 7, 8, 9, 10])(
    'seed %i: dies with the change half promised; one other takes over, in both views',
    (seed) => {
      const mesh = new LeaseMesh({ nodes: 6, witnesses: 3, seed })
      mesh.run(20_000)
      const first = mesh.holder()
      const before = first.lease.view()
      const [gone] = mesh.nodes.filter((node) => node !== first && before.witnesses.includes(node.id))
      mesh.kill(gone!)
      mesh.reaches = (from, _to, { kind }) => kind !== 'promise' || from !== first.id
      expect(
        mesh.run(3 * minute, () => prepares(mesh, first).some((one) => one.replaces !== undefined))
      ).toBe(true)
      mesh.run(70)
      mesh.kill(first)
      mesh.boot(gone!)
      mesh.reaches = () => true
      const diedMs = mesh.nowMs
      mesh.run(minute, () => {
        expect(mesh.holders().length).toBeLessThanOrEqual(1)
        return mesh.holders().length === 1
      })
      expect(mesh.holders().length).toBe(1)
      expect(mesh.nowMs - diedMs).toBeLessThan(30_000)
    }
  )

  test('is not unseated by one witness that says it knows of a higher fence', () => {
    const mesh = new LeaseMesh({ nodes: 3, seed: 1 })
    mesh.run(20_000)
    const first = mesh.holder()
    const liar = mesh.nodes.find((node) => node !== first)!.id
    const view = first.lease.view()
    for (let i = 0; i < 20; i++) {
      const highest = { ...first.lease.fence()!, term: first.lease.fence()!.term + 1, holder: liar }
      mesh.say(liar, first.id, { kind: 'nack', shard: TARGET, highest, view })
      staysInOffice(mesh, first, 1_000)
    }
  })
})

describe('a view that one member makes up', () => {
  const ownView = (liar: NodeId, epoch = 7) => ({ epoch, witnesses: [liar] })

  test('in a pre-vote is adopted by nobody', () => {
    const mesh = new LeaseMesh({ nodes: 5, seed: 3 })
    mesh.run(20_000)
    const first = mesh.holder()
    const liar = mesh.nodes.find((node) => node !== first)!.id
    for (const { id } of mesh.nodes)
      mesh.say(liar, id, { kind: 'pre-vote', shard: TARGET, round: 1, view: ownView(liar) })
    staysInOffice(mesh, first, minute)
    for (const { lease } of mesh.nodes) expect(lease.view().epoch).toBeLessThan(7)
  })

  test('in its answers to candidates decides no election, while others answer, too', () => {
    const mesh = new LeaseMesh({ nodes: 5, seed: 4 })
    mesh.run(20_000)
    const first = mesh.holder()
    const liar = mesh.nodes.find((node) => node !== first)!.id
    mesh.kill(first)
    mesh.run(minute, () => {
      for (const { from, to, message } of mesh.sent.splice(0))
        if (message.kind === 'pre-vote' && to === liar) {
          const { shard, round } = message
          const lie = { recent: false, silent: true, view: ownView(liar) }
          mesh.say(liar, from, { kind: 'pre-vote-answer', shard, round, ...lie })
        }
      return mesh.holders().length === 1
    })
    expect(mesh.holder().lease.view().epoch).toBeLessThan(7)
  })

  test('is promised by no witness that hears another holder', () => {
    const mesh = new LeaseMesh({ nodes: 5, seed: 5 })
    mesh.run(20_000)
    const first = mesh.holder()
    const [liar, witness] = mesh.nodes.filter((node) => node !== first)
    mesh.kill(first)
    mesh.kill(liar!)
    mesh.run(12_000)
    const view = ownView(liar!.id)
    const { lease } = witness!
    const before = lease.view()
    const fence = { ...first.lease.fence()!, epoch: 7, view: 'x'.repeat(16), holder: liar!.id }
    expect(mesh.say(liar!.id, witness!.id, { kind: 'prepare', shard: TARGET, fence, view })).toEqual({
      rule: 'view-hash-mismatch',
      blame: true
    })
    expect(lease.view()).toEqual(before)
  })
})
