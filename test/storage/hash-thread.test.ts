import { expect, test } from 'vitest'
import { bytesToHex } from '../../src/core/hex.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { HashThread } from '../../src/storage/hash-thread.ts'
import { seededRandom } from '../support/seeded-random.ts'

const body = seededRandom(4).bytes(300_000)

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
  copy.set(bytes)
  return copy
}

test('bytes of own and of shared memory have the digest that they have, whatever else is hashed meanwhile', async () => {
  const thread = new HashThread()
  const [one, two] = [thread.begin(), thread.begin()]
  const parts = [body.subarray(0, 1), shared(body.subarray(1, 200_000)), body.subarray(200_000)]
  const all = Promise.all([
    thread.digest(shared(body)),
    ...parts.map((part) => one.add(part)),
    two.add(shared(body).subarray(7, 77)),
    thread.digest(body.subarray(9, 99))
  ])
  expect(bytesToHex(await one.end())).toBe(sha256Hex(body))
  expect(bytesToHex(await two.end())).toBe(sha256Hex(body.subarray(7, 77)))
  const done = await all
  expect(bytesToHex(done[0])).toBe(sha256Hex(body))
  expect(bytesToHex(done.at(-1) ?? new Uint8Array())).toBe(sha256Hex(body.subarray(9, 99)))
  // told again, not hashed again
  expect(bytesToHex(await one.end())).toBe(sha256Hex(body))
})

test('a hash whose thread died rejects, and the next one gets a thread of its own', async () => {
  const thread = new HashThread()
  const lost = thread.begin()
  await lost.add(body)
  await expect(thread.digest(12 as unknown as Uint8Array)).rejects.toThrow(TypeError)
  await expect(lost.add(body)).rejects.toThrow('the thread that hashes has ended')
  await expect(lost.end()).rejects.toThrow('the thread that hashes has ended')
  expect(bytesToHex(await thread.digest(body))).toBe(sha256Hex(body))
})
