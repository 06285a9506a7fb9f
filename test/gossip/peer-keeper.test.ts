import { expect, test } from 'vitest'
import { peerIdFromString } from '@libp2p/peer-id'
import { signerOf } from '../support/fixture-keys.ts'
import { befriend, connect, eventually, startMesh, startNode, type TestNode } from './mesh.ts'

function pubsubStreams(from: TestNode, to: TestNode): number {
  return from.network.host.libp2p
    .getConnections(peerIdFromString(to.id))
    .flatMap(({ streams }) => streams)
    .filter((s) => s.direction === 'outbound' && s.status === 'open' && s.protocol.startsWith('/meshsub'))
    .length
}

test('members told of each other connect, and stay connected to all there are', async () => {
  const nodes = await Promise.all(['one', 'two', 'three', 'four'].map((name) => startNode(name)))
  befriend(...nodes)
  for (const node of nodes) {
    for (const other of nodes) node.network.learn(other.id, other.network.host.addresses())
  }
  await eventually(() => nodes.map(({ network }) => network.connected().length), [3, 3, 3, 3])
})

test('a bootstrap address without a peer id is enough to find the mesh', async () => {
  const first = await startNode('first')
  const address = first.network.host.addresses()[0]!.replace(/\/p2p\/.*$/, '')
  const second = await startNode('second', { bootstrap: [address] })
  befriend(first, second)
  await eventually(() => second.network.connected(), [first.id])
})

test('a bootstrap address with a peer id, is dialled by the keeper', async () => {
  const first = await startNode('first', { isTcp: true })
  const bootstrap = [...first.network.host.addresses()]
  first.ledger.members.add(signerOf('second').nodeId)
  const second = await startNode('second', { isTcp: true, bootstrap })
  second.ledger.members.add(first.id)
  await eventually(() => second.network.connected(), [first.id], 15_000)
})

test('a peer that nobody told of is reported as discovered, once', async () => {
  const [one, two] = [await startNode('one'), await startNode('two')]
  const discovered: string[] = []
  one.network.onDiscovered((node) => discovered.push(node))
  const { libp2p } = two.network.host
  const multiaddrs = libp2p.getMultiaddrs()
  befriend(one, two)
  for (let i = 0; i < 2; i++) await one.network.host.libp2p.peerStore.merge(libp2p.peerId, { multiaddrs })
  await eventually(() => one.network.connected(), [two.id])
  expect(discovered).toEqual([two.id])
})

test('a cut connection is dialled anew', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  const [cut] = two!.network.host.libp2p.getConnections()
  cut!.abort(new Error('cable pulled'))
  await eventually(() => {
    const [connection] = two!.network.host.libp2p.getConnections()
    return connection !== undefined && connection.id !== cut!.id
  }, true)
  await eventually(() => one!.network.connected(), [two!.id])
})

test('a lost gossip stream is opened again while the connection lives', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  await eventually(() => pubsubStreams(one!, two!), 1)
  const [connection] = one!.network.host.libp2p.getConnections()
  const lost = connection!.streams.find(
    (s) => s.direction === 'outbound' && s.protocol.startsWith('/meshsub')
  )
  lost!.abort(new Error('buffer full'))
  expect(pubsubStreams(one!, two!)).toBe(0)
  await eventually(() => pubsubStreams(one!, two!), 1)
  expect(one!.network.host.libp2p.getConnections()).toEqual([connection])
})

test('addresses that are none do no harm', async () => {
  const [one, two] = [await startNode('one'), await startNode('two')]
  befriend(one, two)
  one.network.learn(two.id, ['not an address', '/ip4/999.1.1.1/tcp/1', ''])
  await connect(two, one)
  expect(one.network.connected()).toEqual([two.id])
})

test('stopping twice, and a stopped node, leave nothing behind', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  await two!.stop()
  await two!.network.stop()
  await eventually(() => one!.network.connected(), [])
})

test('a port in use: the start fails, and stopping after it is harmless', async () => {
  const one = await startNode('one', { isTcp: true })
  const port = /tcp\/(\d+)/.exec(one.network.host.addresses()[0]!)![1]
  const listen = [`/ip4/127.0.0.1/tcp/${port}`]
  await expect(startNode('two', { isTcp: true, listen })).rejects.toThrow()
  expect(one.network.host.libp2p.status).toBe('started')
})
