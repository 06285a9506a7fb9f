import { describe, expect, test } from 'vitest'
import type { CoordinationMessage } from '../../src/core/coordination.ts'
import { aFence, nodeId, SHARD, stuffedNet, type StuffedNet } from './sim-kit.ts'

function message(seq: number): CoordinationMessage {
  return { kind: 'ack', shard: SHARD, fence: aFence('a'), seq }
}

/** Sends that many from the first node to the second, a millisecond apart, and waits. */
async function sendMany({ world, network, nodes }: StuffedNet, count: number): Promise<readonly number[]> {
  const [a, b] = nodes
  for (let seq = 0; seq < count; seq++) {
    network.send(a!.process, b!.id, message(seq))
    await world.run(1)
  }
  await world.run(60_000)
  return b!.received.map((one) => (one.message as { seq: number }).seq)
}

describe('a message', () => {
  test('takes at least the least delay, and differs in what it takes', async () => {
    const net = await stuffedNet(2, { minDelayMs: 7, meanDelayMs: 20 })
    const [a, b] = net.nodes
    const sentMs = net.world.nowMs()
    for (let seq = 0; seq < 500; seq++) net.network.send(a!.process, b!.id, message(seq))
    await net.world.run(10_000)
    const delays = b!.received.map(({ atMs }) => atMs - sentMs)
    const mean = delays.reduce((sum, ms) => sum + ms, 0) / delays.length
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(7)
    expect(mean).toBeGreaterThan(24)
    expect(mean).toBeLessThan(30)
  })

  test('overtakes others', async () => {
    const seqs = await sendMany(await stuffedNet(2, { meanDelayMs: 50 }), 200)
    expect(seqs).toHaveLength(200)
    expect(seqs).not.toEqual(seqs.toSorted((a, b) => a - b))
  })

  test('gets lost as often as the weather says', async () => {
    const seqs = await sendMany(await stuffedNet(2, { loss: 0.3 }), 1_000)
    expect(seqs.length).toBeGreaterThan(640)
    expect(seqs.length).toBeLessThan(760)
  })

  test('comes twice as often as the weather says', async () => {
    const seqs = await sendMany(await stuffedNet(2, { duplication: 0.1 }), 1_000)
    expect(new Set(seqs).size).toBe(1_000)
    expect(seqs.length).toBeGreaterThan(1_060)
    expect(seqs.length).toBeLessThan(1_140)
  })

  test('is delayed for seconds now and then', async () => {
    const net = await stuffedNet(2, { spikes: 0.1 })
    const sentMs = net.world.nowMs()
    const [a, b] = net.nodes
    for (let seq = 0; seq < 500; seq++) net.network.send(a!.process, b!.id, message(seq))
    await net.world.run(10_000)
    const late = b!.received.filter(({ atMs }) => atMs - sentMs > 500).length
    expect(late).toBeGreaterThan(20)
    expect(late).toBeLessThan(80)
  })

  test('to nobody is lost without a word', async () => {
    const { network, nodes, world } = await stuffedNet(2)
    network.gone(nodes[1]!.process)
    network.send(nodes[0]!.process, nodes[1]!.id, message(1))
    await world.run(1_000)
    expect(nodes[1]!.received).toEqual([])
  })
})

describe('a cut', () => {
  test('stops both ways between its parts, not inside one; healing ends it', async () => {
    const { network, nodes, world } = await stuffedNet(3)
    const [a, b, c] = nodes
    network.topology.cut(new Map([[c!.id, 1]]), world.nowMs())
    network.send(a!.process, b!.id, message(1))
    network.send(a!.process, c!.id, message(2))
    network.send(c!.process, a!.id, message(3))
    await world.run(1_000)
    expect([a!.received.length, b!.received.length, c!.received.length]).toEqual([0, 1, 0])
    network.topology.heal(world.nowMs())
    network.send(a!.process, c!.id, message(4))
    await world.run(1_000)
    expect(c!.received).toHaveLength(1)
  })

  test('takes the connections between its parts after a while, and gives them back after it', async () => {
    const { network, nodes, world } = await stuffedNet(3)
    const [a, b, c] = nodes
    network.topology.cut(new Map([[c!.id, 1]]), world.nowMs())
    network.changed()
    expect(a!.connections.has(c!.id)).toBe(true)
    await world.run(20_000)
    expect([...a!.connections]).toEqual([b!.id])
    network.topology.heal(world.nowMs())
    network.changed()
    await world.run(5_000)
    expect([...a!.connections].sort()).toEqual([b!.id, c!.id])
  })

  test('is remembered for whom it kept apart, and when', async () => {
    const { network, world } = await stuffedNet(3)
    const [a, b, c] = ['a', 'b', 'c'].map(nodeId)
    const beganMs = world.nowMs()
    network.topology.cut(new Map([[c!, 1]]), beganMs)
    await world.run(100)
    network.topology.heal(world.nowMs())
    const healedMs = world.nowMs()
    expect(network.topology.separations([a!, c!], beganMs)).toBe(1)
    expect(network.topology.separations([a!, b!], beganMs)).toBe(0)
    expect(network.topology.separations([a!, c!], healedMs + 1)).toBe(0)
  })
})

describe('a direction that fails', () => {
  test('stops one way only', async () => {
    const { network, nodes, world } = await stuffedNet(2)
    const [a, b] = nodes
    network.topology.block(a!.id, b!.id, world.nowMs())
    network.send(a!.process, b!.id, message(1))
    network.send(b!.process, a!.id, message(2))
    await world.run(1_000)
    expect([a!.received.length, b!.received.length]).toEqual([1, 0])
  })

  test('is no hindrance to gossip, which goes round it', async () => {
    const { network, nodes, world } = await stuffedNet(3)
    const [a, b] = nodes
    network.topology.block(a!.id, b!.id, world.nowMs())
    network.gossipMessage(a!.process, message(1))
    await world.run(1_000)
    expect(b!.received).toHaveLength(1)
  })
})

describe('gossip', () => {
  test('gets to everybody but its sender', async () => {
    const { network, nodes, world } = await stuffedNet(4)
    network.gossipMessage(nodes[0]!.process, message(1))
    await world.run(1_000)
    expect(nodes.map(({ received }) => received.length)).toEqual([0, 1, 1, 1])
  })

  test('does not get over a cut', async () => {
    const { network, nodes, world } = await stuffedNet(4)
    network.topology.cut(new Map([[nodes[3]!.id, 1]]), world.nowMs())
    network.gossipMessage(nodes[0]!.process, message(1))
    await world.run(1_000)
    expect(nodes.map(({ received }) => received.length)).toEqual([0, 1, 1, 0])
  })

  test('does not get to a deaf node, which still gets what is sent to it alone', async () => {
    const { network, nodes, world } = await stuffedNet(3)
    const [a, b, c] = nodes
    network.setDeaf(b!.id, true)
    network.gossipMessage(a!.process, message(1))
    network.send(a!.process, b!.id, message(2))
    await world.run(1_000)
    expect(b!.received.map((one) => (one.message as { seq: number }).seq)).toEqual([2])
    expect(c!.received).toHaveLength(1)
    network.setDeaf(b!.id, false)
    network.gossipMessage(a!.process, message(3))
    await world.run(1_000)
    expect(b!.received).toHaveLength(2)
  })

  test('gets lost as often as the weather says, for each receiver apart', async () => {
    const { network, nodes, world } = await stuffedNet(3, { gossipLoss: 0.2 })
    for (let seq = 0; seq < 1_000; seq++) network.gossipMessage(nodes[0]!.process, message(seq))
    await world.run(10_000)
    const [, b, c] = nodes.map(({ received }) => received.length)
    for (const count of [b!, c!]) {
      expect(count).toBeGreaterThan(750)
      expect(count).toBeLessThan(850)
    }
    expect(b).not.toBe(c)
  })
})
