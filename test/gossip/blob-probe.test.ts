import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { noise } from './memory-blobs.ts'
import { startMesh } from './mesh.ts'

test('a member is asked whether it holds a blob, and shows bytes of it from any place', async () => {
  const [asker, holder] = await startMesh(['asker', 'holder'], { isTcp: true })
  const bytes = noise(5 * 1024 ** 2)
  const digest = holder!.blobs.put(bytes)
  const peer = holder!.network.host.nodeId
  const ask = (sample?: { offset: number; bytes: Uint8Array }): Promise<string> =>
    asker!.network.probe(peer, digest, sample === undefined ? {} : { sample })
  expect(await ask()).toBe('held')
  for (const offset of [0, 4_194_000, bytes.byteLength - 1_024])
    expect(await ask({ offset, bytes: bytes.slice(offset, offset + 1_024) })).toBe('held')
  const other = bytes.slice(7, 1_031)
  other[500]! ^= 1
  expect(await ask({ offset: 7, bytes: other })).toBe('missing')
  expect(await ask({ offset: bytes.byteLength - 10, bytes: noise(1_024) })).toBe('missing')
  expect(await asker!.network.probe(peer, sha256Hex('nobody has it'), {})).toBe('missing')
})

test('one that cannot be asked is silent, which says nothing', async () => {
  const [asker, holder] = await startMesh(['asker', 'holder'], { isTcp: true })
  const digest = holder!.blobs.put(noise(10))
  const peer = holder!.network.host.nodeId
  await holder!.network.stop()
  expect(await asker!.network.probe(peer, digest, {})).toBe('silent')
})
