import { beforeEach, describe, expect, test } from 'vitest'
import type { CoordinationMessage } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import { PROMISE_MS } from '../../src/core/limits.ts'
import { LeaseChecker } from '../../src/simulation/lease-checker.ts'
import { Violations } from '../../src/simulation/violations.ts'
import { aFence, nodeId, SHARD, stuffedNet, type StuffedNet, type StuffedProcess } from './sim-kit.ts'

/* Made-up situations: each rule is broken by hand, and then almost broken. */

let net: StuffedNet
let checker: LeaseChecker
let violations: Violations
let nodes: readonly StuffedProcess[]

beforeEach(async () => {
  net = await stuffedNet(5)
  nodes = net.nodes
  violations = new Violations(
    () => net.world.nowMs(),
    () => undefined
  )
  checker = new LeaseChecker(net.world, () => net.network, violations)
})

function found(): readonly string[] {
  return violations.list().map(({ invariant }) => invariant)
}

function promise(fence: Fence, shard = SHARD): CoordinationMessage {
  return { kind: 'promise', shard, fence } as CoordinationMessage
}

function ack(fence: Fence): CoordinationMessage {
  return { kind: 'ack', shard: SHARD, fence, seq: 1 }
}

describe('one-promise', () => {
  test('a witness that promises itself to a second one too soon', async () => {
    checker.sent(nodes[0]!.process, promise(aFence('b')))
    await net.world.run(1_000)
    checker.sent(nodes[0]!.process, promise(aFence('c', { term: 2 })))
    expect(found()).toEqual(['one-promise'])
    expect(violations.list()[0]?.what).toContain('a is promised to b and gave itself to c')
  })

  test('a witness that acknowledges one and promises another', async () => {
    checker.sent(nodes[0]!.process, ack(aFence('b')))
    await net.world.run(1_000)
    checker.sent(nodes[0]!.process, promise(aFence('c', { term: 2 })))
    expect(found()).toEqual(['one-promise'])
  })

  test('not: the same one again, another shard, another witness, or after the promise ran out', async () => {
    checker.sent(nodes[0]!.process, ack(aFence('b')))
    await net.world.run(1_000)
    checker.sent(nodes[0]!.process, ack(aFence('b')))
    checker.sent(nodes[0]!.process, promise(aFence('c'), 'upstream'))
    checker.sent(nodes[1]!.process, promise(aFence('c', { term: 2 })))
    await net.world.run(PROMISE_MS)
    checker.sent(nodes[0]!.process, promise(aFence('c', { term: 2 })))
    expect(found()).toEqual([])
  })

  test('not: the holder let it go; yes: somebody else said so', async () => {
    const handOver = { kind: 'hand-over', shard: SHARD } as CoordinationMessage
    checker.sent(nodes[0]!.process, ack(aFence('b')))
    checker.delivered(nodeId('d'), nodes[0]!.process, handOver)
    checker.sent(nodes[0]!.process, ack(aFence('b')))
    checker.delivered(nodeId('b'), nodes[0]!.process, handOver)
    checker.sent(nodes[0]!.process, promise(aFence('c', { term: 2 })))
    expect(found()).toEqual([])
    checker.delivered(nodeId('b'), nodes[0]!.process, handOver)
    checker.sent(nodes[0]!.process, promise(aFence('d', { term: 3 })))
    expect(found()).toEqual(['one-promise'])
  })
})

describe('terms-rise', () => {
  test('a witness that promises below what it promised before, also after a restart', async () => {
    checker.sent(nodes[0]!.process, promise(aFence('b', { term: 5 })))
    await net.world.run(2 * PROMISE_MS)
    checker.sent(nodes[0]!.process, promise(aFence('c', { term: 4 })))
    expect(found()).toEqual(['terms-rise'])
  })

  test('a term that rises in an epoch that falls is below', async () => {
    checker.sent(nodes[0]!.process, promise(aFence('b', { epoch: 2, term: 1 })))
    await net.world.run(2 * PROMISE_MS)
    checker.sent(nodes[0]!.process, promise(aFence('b', { epoch: 1, term: 9 })))
    expect(found()).toEqual(['terms-rise'])
  })

  test('not: the same promise again, because the first one got lost', () => {
    checker.sent(nodes[0]!.process, promise(aFence('b', { term: 5 })))
    checker.sent(nodes[0]!.process, promise(aFence('b', { term: 5 })))
    expect(found()).toEqual([])
  })
})

describe('one-coordinator', () => {
  const witnesses = ['c', 'd', 'e'].map(nodeId)

  function takesOffice(at: number, over: Partial<Fence> = {}): void {
    const node = nodes[at]!
    node.office = { fence: aFence(node.id, over), witnesses }
    checker.stepped(node.process)
  }

  function cut(): void {
    net.network.topology.cut(new Map([[nodes[1]!.id, 1]]), net.world.nowMs())
  }

  test('two of one view', () => {
    takesOffice(0)
    takesOffice(1, { term: 2 })
    expect(found()).toEqual(['one-coordinator'])
    expect(checker.holders(SHARD).map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('two of one view, also when they are cut from each other: they share their witnesses', () => {
    cut()
    takesOffice(0)
    takesOffice(1, { term: 2 })
    expect(found()).toEqual(['one-coordinator'])
  })

  test('two of different views in a mesh that is whole', () => {
    takesOffice(0)
    takesOffice(1, { epoch: 2, view: 'view-2' })
    expect(found()).toEqual(['one-coordinator'])
  })

  test('not: of different views, in a mesh that is cut or was a moment ago', async () => {
    cut()
    takesOffice(0)
    takesOffice(1, { epoch: 2, view: 'view-2' })
    net.network.topology.heal(net.world.nowMs())
    await net.world.run(5_000)
    takesOffice(1, { epoch: 3, view: 'view-3' })
    expect(found()).toEqual([])
  })

  test('not: one of them has not got the other one’s admission yet', () => {
    nodes[0]!.strangers.add(nodes[1]!.id)
    takesOffice(0)
    takesOffice(1, { epoch: 2, view: 'view-2' })
    expect(found()).toEqual([])
  })

  test('but when the cut was long ago', async () => {
    cut()
    net.network.topology.heal(net.world.nowMs())
    await net.world.run(10 * 60_000)
    takesOffice(0)
    takesOffice(1, { epoch: 2, view: 'view-2' })
    expect(found()).toEqual(['one-coordinator'])
  })

  test('not: the other one is dead, stands still, or has given it up', () => {
    takesOffice(0)
    nodes[0]!.alive = false
    takesOffice(1, { term: 2 })
    nodes[1]!.machine.paused = true
    takesOffice(2, { term: 3 })
    nodes[2]!.office = undefined
    takesOffice(3, { term: 4 })
    expect(found()).toEqual([])
    expect(checker.holders(SHARD).map(({ id }) => id)).toEqual(['d'])
  })

  test('who wakes up and still believes itself in office is caught, once', async () => {
    takesOffice(0)
    nodes[0]!.machine.paused = true
    takesOffice(1, { term: 2 })
    expect(found()).toEqual([])
    await net.world.run(1_000)
    nodes[0]!.machine.paused = false
    nodes[0]!.machine.lastAbsentMs = net.world.nowMs()
    checker.stepped(nodes[0]!.process)
    checker.stepped(nodes[0]!.process)
    expect(found()).toEqual(['one-coordinator'])
  })

  test('an election is told once, however often it does something', () => {
    const elected: string[] = []
    checker.onElected((shard, { id }) => elected.push(`${id} of ${shard}`))
    takesOffice(0)
    checker.stepped(nodes[0]!.process)
    takesOffice(0, { term: 2 })
    expect(elected).toEqual([`a of ${SHARD}`, `a of ${SHARD}`])
  })
})
