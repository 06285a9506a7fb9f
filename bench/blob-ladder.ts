import { createReadStream } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { pieceDigest, pieceRange } from '../src/core/blob-pieces.ts'
import { BLOB_CHUNK_BYTES, BLOB_STALL_MS } from '../src/core/limits.ts'
import type { PiecedBlob, PiecePlan } from '../src/core/ports.ts'
import type { Host } from '../src/gossip/create-libp2p.ts'
import { HashThread } from '../src/storage/hash-thread.ts'
import { frameStream } from '../src/gossip/frame-stream.ts'

/*
 * The rungs between plain HTTP and a stored blob, for bench/blobs.bench.ts --ladder: what TCP costs, what libp2p's noise and
 * yamux add, and what our protocol adds to them before anything is stored.
 */

const BARE = '/bench/bare/1'
const FRAMES = { maxFrameBytes: 1_024, isBulk: true }

/** A file to whoever connects. */
export async function serveTcp(path: string): Promise<number> {
  const server = createServer((socket) => createReadStream(path).pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return (server.address() as AddressInfo).port
}

export async function fetchTcp(port: number, bytes: number): Promise<void> {
  let left = bytes
  for await (const chunk of connect(port, '127.0.0.1')) left -= (chunk as Uint8Array).byteLength
  if (left !== 0) throw new Error('not as many bytes as there are')
}

/** A file over a stream of libp2p, with the buffers and windows that our blobs have. */
export async function serveBare(host: Host, path: string): Promise<void> {
  await host.libp2p.handle(BARE, async (stream: Stream) => {
    await frameStream(stream, FRAMES).send(createReadStream(path, { highWaterMark: BLOB_CHUNK_BYTES }), {
      stallMs: BLOB_STALL_MS
    })
    await stream.close()
  })
}

/** Nothing is done with what comes. */
export async function fetchBare(host: Host, address: string, bytes: number): Promise<void> {
  const stream = await host.libp2p.dialProtocol(multiaddr(address), BARE)
  const frames = frameStream(stream, FRAMES)
  const target = new Uint8Array(BLOB_CHUNK_BYTES)
  for (let left = bytes; left > 0; left -= BLOB_CHUNK_BYTES)
    await frames.fill(target.subarray(0, left), { stallMs: BLOB_STALL_MS })
  await frames.close()
}

const hashes = new HashThread()

/** Checks pieces as a store does, and keeps none. */
export function discardPieces({ size, list }: PiecePlan): PiecedBlob {
  const held = new Set<number>()
  return {
    size,
    has: (index) => held.has(index),
    async put(index, bytes) {
      const { start, end } = pieceRange(size, index)
      const digest = await hashes.digest(bytes.subarray(0, end - start))
      held.add(index)
      return Buffer.compare(digest, pieceDigest(list, index)) === 0
    },
    checkedUntil: (start) => start,
    read: () => Promise.resolve(undefined),
    commit: () => Promise.resolve(size),
    suspend: () => Promise.resolve()
  }
}
