import { expect, test } from 'vitest'
import { peerIdFromString } from '@libp2p/peer-id'
import { MAX_COORD_BYTES } from '../../src/core/limits.ts'
import { MAX_QUEUED_MESSAGES } from '../../src/gossip/gossip-limits.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { eventually, startMesh, startNode, type TestNode } from './mesh.ts'

function inbox(node: TestNode): string[] {
  const received: string[] = []
  node.network.messenger.onMessage((from, message) => {
    received.push(`${from === node.id ? 'self' : from}: ${new TextDecoder().decode(message)}`)
  })
  return received
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

test('messages arrive in order, with the name of their sender', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  const received = inbox(two!)
  for (let i = 0; i < 20; i++) one!.network.messenger.send(two!.id, bytesOf(`number ${i}`))
  await eventually(
    () => received,
    Array.from({ length: 20 }, (_, i) => `${one!.id}: number ${i}`)
  )
})

test('both directions, over one stream each', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  const [atOne, atTwo] = [inbox(one!), inbox(two!)]
  for (let i = 0; i < 5; i++) {
    one!.network.messenger.send(two!.id, bytesOf('ping'))
    two!.network.messenger.send(one!.id, bytesOf('pong'))
    await eventually(() => [atOne.length, atTwo.length], [i + 1, i + 1])
  }
  const streams = one!.network.host.libp2p
    .getConnections(peerIdFromString(two!.id))
    .flatMap((connection) => connection.streams.filter(({ protocol }) => protocol.includes('/message/')))
  expect(streams.map(({ direction }) => direction).sort()).toEqual(['inbound', 'outbound'])
})

test('a node can write to itself', async () => {
  const one = await startNode('one')
  const received = inbox(one)
  one.network.messenger.send(one.id, bytesOf('note'))
  await eventually(() => received, ['self: note'])
})

test('to a member that is gone, and to a stranger, nothing throws and nothing is kept', async () => {
  const one = await startNode('one')
  const gone = signerOf('gone').nodeId
  one.ledger.members.add(gone)
  for (let i = 0; i < MAX_QUEUED_MESSAGES * 3; i++) one.network.messenger.send(gone, bytesOf('anybody?'))
  one.network.messenger.send(signerOf('stranger').nodeId, bytesOf('hello'))
  await one.stop()
})

test('messages reach a peer again after it came back', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  inbox(one!)
  two!.network.messenger.send(one!.id, bytesOf('first'))
  await two!.stop()
  await eventually(() => one!.network.connected(), [])
  one!.network.messenger.send(two!.id, bytesOf('into the void'))
  const again = await startNode('two')
  again.ledger.members.add(one!.id)
  const received = inbox(again)
  again.network.learn(one!.id, one!.network.host.addresses())
  await eventually(() => one!.network.connected(), [two!.id])
  await eventually(() => {
    one!.network.messenger.send(two!.id, bytesOf('welcome back'))
    return received.length > 0
  }, true)
})

test('an oversized message is dropped by its sender', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  const received = inbox(two!)
  one!.network.messenger.send(two!.id, new Uint8Array(MAX_COORD_BYTES + 1))
  await eventually(() => {
    one!.network.messenger.send(two!.id, bytesOf('small'))
    return received.includes(`${one!.id}: small`)
  }, true)
})
