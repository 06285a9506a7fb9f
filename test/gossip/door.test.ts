import { peerIdFromString } from '@libp2p/peer-id'
import type { Ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { MeshId } from '../../src/core/ids.ts'
import { describeMesh, joinThrough, requestAdmission } from '../../src/gossip/door-client.ts'
import { frameStream } from '../../src/gossip/frame-stream.ts'
import { MAX_DOOR_FRAME_BYTES, STRANGER_BURST } from '../../src/gossip/gossip-limits.ts'
import { DOOR_PROTOCOL, protocolId, topicId } from '../../src/gossip/topics.ts'
import { GENESIS, MESH_ID, aProof } from './fake-ledger.ts'
import {
  addressOf,
  befriend,
  connect,
  eventually,
  startMesh,
  startNewcomer,
  startNode,
  startRude
} from './mesh.ts'
import { noise } from './memory-blobs.ts'

const OTHER_MESH = sha256Hex('another genesis') as unknown as MeshId

test('a stranger that proves nothing is disconnected', async () => {
  const member = await startNode('member', { helloTimeoutMs: 200 })
  const stranger = await startNewcomer('stranger')
  await stranger.libp2p.dial(multiaddr(addressOf(member)))
  expect(stranger.libp2p.getConnections()).toHaveLength(1)
  await eventually(() => stranger.libp2p.getConnections().length, 0)
  await eventually(() => member.network.host.libp2p.getConnections().length, 0)
})

test.for(['message', 'sync', 'blob'] as const)('a stranger gets no byte out of %s', async (name) => {
  const member = await startNode('member')
  member.blobs.put(noise(1000))
  member.ledger.append(member.id)
  const stranger = await startNewcomer('stranger')
  const stream = await stranger.libp2p.dialProtocol(multiaddr(addressOf(member)), protocolId(MESH_ID, name))
  const frames = frameStream(stream, { maxFrameBytes: 1024, timeoutMs: 2000 })
  await frames.write({ ask: 'heads', digest: '0'.repeat(64), prompted: false }).catch(() => undefined)
  await expect(frames.read()).rejects.toThrow()
})

test('gossip of a stranger is not judged', async () => {
  const member = await startNode('member')
  const heard: string[] = []
  member.network.bus.subscribe('entries', (_, from) => {
    heard.push(from)
    return 'accept'
  })
  // speaks gossipsub without a hello
  const rude = await startRude('stranger')
  const { libp2p, pubsub } = rude
  const topic = topicId(MESH_ID, 'entries')
  await rude.identify(await libp2p.dial(multiaddr(addressOf(member))))
  await eventually(() => pubsub.getSubscribers(topic).map(String), [member.id])
  expect((await pubsub.publish(topic, new Uint8Array([1]))).recipients).toHaveLength(1)
  // proof that the message has been dealt with: what came after it on the same connection has
  await (libp2p.services['ping'] as Ping).ping(libp2p.getPeers()[0]!)
  expect(heard).toEqual([])
  expect(member.network.host.pubsub.getSubscribers(topic)).toEqual([])
})

test('a newcomer asks which mesh this is, joins by its ticket, and then gossips and syncs', async () => {
  const member = await startNode('member')
  member.ledger.append(member.id)
  const newcomer = await startNewcomer('newcomer')
  const mesh = await describeMesh(newcomer, addressOf(member))
  expect(mesh).toMatchObject({ meshId: MESH_ID, name: 'test mesh', accepts: false })
  const request = { meshId: MESH_ID, proofFor: () => aProof(member.id) }
  expect(await joinThrough(newcomer, addressOf(member), request)).toEqual({ genesis: GENESIS })
  expect(member.ledger.members.has(newcomer.nodeId)).toBe(true)
  await newcomer.libp2p.stop()

  const joined = await startNode('newcomer')
  joined.ledger.members.add(member.id)
  await connect(member, joined)
  await eventually(() => joined.ledger.count(), 1)
})

test('an expired ticket is refused with its reason', async () => {
  const member = await startNode('member')
  const newcomer = await startNewcomer('newcomer')
  const request = { meshId: MESH_ID, proofFor: () => aProof(member.id, 'too late') }
  expect(await joinThrough(newcomer, addressOf(member), request)).toEqual({
    refused: 'this invitation has expired'
  })
  expect(member.ledger.members.has(newcomer.nodeId)).toBe(false)
})

test('a ticket for another mesh is refused', async () => {
  const member = await startNode('member')
  const newcomer = await startNewcomer('newcomer')
  const request = { meshId: OTHER_MESH, proofFor: () => aProof(member.id) }
  expect(await joinThrough(newcomer, addressOf(member), request)).toEqual({
    refused: 'this node belongs to another mesh'
  })
})

test('a genesis that does not hash to the mesh id of the ticket is refused by the newcomer', async () => {
  const liar = await startNode('liar')
  liar.ledger.describe = () => ({ meshId: OTHER_MESH, name: 'fake', accepts: true, genesis: GENESIS })
  const newcomer = await startNewcomer('newcomer')
  const request = { meshId: OTHER_MESH, proofFor: () => aProof(liar.id) }
  await expect(joinThrough(newcomer, addressOf(liar), request)).rejects.toMatchObject({
    code: 'WRONG_GENESIS'
  })
  await expect(describeMesh(newcomer, addressOf(liar))).rejects.toMatchObject({ code: 'WRONG_GENESIS' })
})

test('without a ticket a node is let in only where the mesh takes such', async () => {
  const member = await startNode('member')
  const newcomer = await startNewcomer('newcomer')
  const card = { meshId: MESH_ID, label: 'pi', contact: '' }
  expect(await requestAdmission(newcomer, addressOf(member), card)).toEqual({
    refused: 'this mesh takes nobody without a ticket'
  })
  member.ledger.accepts = true
  expect(await requestAdmission(newcomer, addressOf(member), card)).toMatchObject({ genesis: GENESIS })
  expect(member.ledger.members.has(newcomer.nodeId)).toBe(true)
})

test('nobody at the address is an error with a code', async () => {
  const newcomer = await startNewcomer('newcomer')
  await expect(describeMesh(newcomer, '/memory/nobody')).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
})

test('a stranger that asks too often is told to wait', async () => {
  const member = await startNode('member')
  const newcomer = await startNewcomer('newcomer')
  for (let i = 0; i < STRANGER_BURST; i++) await describeMesh(newcomer, addressOf(member))
  expect(await describeMesh(newcomer, addressOf(member))).toEqual({
    refused: 'too many questions, ask again in a while'
  })
})

test('an oversized question ends the stream, not the node', async () => {
  const member = await startNode('member')
  const newcomer = await startNewcomer('newcomer')
  const stream = await newcomer.libp2p.dialProtocol(multiaddr(addressOf(member)), DOOR_PROTOCOL)
  const frames = frameStream(stream, { maxFrameBytes: 1024 * 1024, timeoutMs: 3000 })
  await frames.writeBytes(new Uint8Array(MAX_DOOR_FRAME_BYTES + 1))
  await expect(frames.read()).rejects.toThrow()
  expect(await describeMesh(newcomer, addressOf(member))).toMatchObject({ meshId: MESH_ID })
})

test('a member unknown to its peer proves itself in the hello', async () => {
  const [old, fresh] = [await startNode('old'), await startNode('fresh')]
  fresh.ledger.members.add(old.id)
  fresh.ledger.ownChain = [{ subject: fresh.id, proof: aProof(old.id) }]
  await connect(old, fresh)
  expect(old.network.connected()).toEqual([fresh.id])
})

test('gossip flows right after a hello that admitted', async () => {
  const [old, fresh] = [await startNode('old'), await startNode('fresh')]
  const heard: number[] = []
  old.network.bus.subscribe('entries', (bytes) => {
    heard.push(bytes[0] ?? 0)
    return 'accept'
  })
  fresh.network.bus.subscribe('entries', () => 'accept')
  fresh.ledger.members.add(old.id)
  fresh.ledger.ownChain = [{ subject: fresh.id, proof: aProof(old.id) }]
  await connect(old, fresh)
  const { pubsub } = old.network.host
  await eventually(() => pubsub.getSubscribers(pubsub.getTopics()[0]!).length, 1)
  await eventually(() => fresh.network.bus.publish('entries', new Uint8Array([heard.length + 1])), 1)
  await eventually(() => heard.length > 0, true)
})

test('a member that its peer does not know, and that proves nothing, is turned away', async () => {
  const [old, fresh] = [await startNode('old'), await startNode('fresh')]
  fresh.ledger.members.add(old.id)
  let opened = 0
  fresh.network.host.libp2p.addEventListener('connection:open', () => (opened += 1))
  fresh.network.learn(old.id, old.network.host.addresses())
  await eventually(() => opened, 1)
  await eventually(() => fresh.network.host.libp2p.getConnections().length, 0)
  expect(old.network.connected()).toEqual([])
})

test('nodes of two meshes do not stay connected', async () => {
  const [ours, theirs] = [await startNode('ours'), await startNode('theirs', { meshId: OTHER_MESH })]
  befriend(ours, theirs)
  await ours.network.host.libp2p.dial(multiaddr(addressOf(theirs)))
  await eventually(() => ours.network.host.libp2p.getConnections().length, 0)
})

test('a revoked member is hung up on', async () => {
  const [one, two] = await startMesh(['one', 'two'], { helloTimeoutMs: 300 })
  one!.ledger.members.delete(two!.id)
  two!.ledger.members.delete(one!.id)
  await eventually(
    () => {
      one!.network.membershipChanged()
      return one!.network.host.libp2p.getConnections(peerIdFromString(two!.id)).length
    },
    0,
    15_000
  )
})
