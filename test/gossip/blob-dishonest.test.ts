import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { NodeId } from '../../src/core/ids.ts'
import { createBlobClient, type BlobClient } from '../../src/gossip/blob-client.ts'
import { createByteRate } from '../../src/gossip/byte-rate.ts'
import { frameStream } from '../../src/gossip/frame-stream.ts'
import { protocolId } from '../../src/gossip/topics.ts'
import { realClock } from '../support/real-clock.ts'
import { MESH_ID } from './fake-ledger.ts'
import { noise } from './memory-blobs.ts'
import { startMesh, type TestNode } from './mesh.ts'

const MiB = 1024 * 1024
const digest = sha256Hex('some blob')

function clientOf(node: TestNode, blame: (node: NodeId, rule: string) => void): BlobClient {
  return createBlobClient({ host: node.network.host, download: createByteRate(realClock, 0), blame })
}

const dishonest: readonly { readonly id: string; readonly answer: Uint8Array | object }[] = [
  { id: 'a size beyond all bounds', answer: { size: 2 ** 31 } },
  { id: 'a list that fits no size', answer: { size: 5 * MiB, list: new Uint8Array(32) } },
  { id: 'no CBOR', answer: Uint8Array.of(3, 0xff, 0xff, 0xff) },
  { id: 'an endless length', answer: new Uint8Array(64).fill(0xff) }
]
test.for(dishonest)('a member that answers with $id is blamed', async ({ answer }) => {
  const [reader, rude] = await startMesh(['reader', 'rude'], { isTcp: true })
  const protocol = protocolId(MESH_ID, 'blob')
  await rude!.network.host.libp2p.unhandle(protocol)
  await rude!.network.host.libp2p.handle(protocol, async (stream) => {
    if (answer instanceof Uint8Array) stream.send(answer)
    else await frameStream(stream, { maxFrameBytes: 1_000 }).write(answer)
  })
  const blamed: string[] = []
  const client = clientOf(reader!, (node, rule) => blamed.push(`${node} ${rule}`))
  expect(await client.sizeAt(rude!.id, digest)).toBeUndefined()
  expect(blamed).toEqual([`${rude!.id} blob-malformed`])
})

test('a member that has something else, or nothing, is not blamed', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const blamed: string[] = []
  const client = clientOf(reader!, (node) => blamed.push(node))
  expect(await client.sizeAt(holder!.id, digest)).toBeUndefined()
  holder!.blobs.put(noise(1_000, 2), digest)
  expect(await client.sizeAt(holder!.id, digest)).toBe(1_000)
  expect(blamed).toEqual([])
})
