import '../src/node/polyfills.ts'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { blobPaths } from '../src/storage/blob-paths.ts'
import { createBlobStore, type DiskBlobStore } from '../src/storage/blob-store.ts'
import type { NodeId, Sha256 } from '../src/core/ids.ts'
import type { BlobFacts } from '../src/core/ports.ts'
import { createNetwork, type Network } from '../src/gossip/create-network.ts'
import { FakeLedger, MESH_ID } from '../test/gossip/fake-ledger.ts'
import { realClock } from '../test/support/real-clock.ts'
import { silentLog } from '../test/support/test-ports.ts'
import { discardPieces, fetchBare, fetchTcp, serveBare, serveTcp } from './blob-ladder.ts'

/*
 * One process of bench/blobs.bench.ts: a member with its network, its store on disk, and plain HTTP beside them. Orders come
 * over the channel of the parent, answers go back with the order's number.
 */

/** What the parent wants of this process. */
export type Order =
  | { readonly kind: 'start'; readonly folder: string; readonly upload: number }
  | { readonly kind: 'befriend'; readonly node: NodeId; readonly addresses: readonly string[] }
  | { readonly kind: 'make'; readonly bytes: number; readonly seed: string }
  | { readonly kind: 'show'; readonly digest: Sha256; readonly isShown: boolean }
  | { readonly kind: 'serve'; readonly digest: Sha256 }
  | { readonly kind: 'tcp'; readonly port: number; readonly digest: Sha256; readonly bytes: number }
  | { readonly kind: 'bare'; readonly address: string; readonly digest: Sha256; readonly bytes: number }
  | { readonly kind: 'http'; readonly url: string; readonly digest: Sha256; readonly isStored: boolean }
  | {
      readonly kind: 'fetch'
      readonly digest: Sha256
      readonly about: BlobFacts
      readonly hint: readonly NodeId[]
      readonly isStored: boolean
    }

const ledger = new FakeLedger()
const random = { float: () => Math.random(), bytes: (length: number) => randomBytes(length) }
let root = ''
let store: DiskBlobStore
let network: Network
/** Pieces are checked and dropped. */
let isDiscarding = false

async function start({ folder, upload }: Extract<Order, { kind: 'start' }>): Promise<object> {
  root = join(folder, 'blobs')
  const onDisk = await createBlobStore(root, { random })
  store = {
    ...onDisk,
    byPieces: (digest, plan) =>
      isDiscarding ? Promise.resolve(discardPieces(plan)) : onDisk.byPieces(digest, plan)
  }
  network = await createNetwork(
    { door: ledger, source: ledger, store, clock: realClock, random, log: silentLog },
    {
      privateKeyRaw: randomBytes(32),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      mdns: { enabled: false, serviceTag: 'bench' },
      meshId: MESH_ID,
      isMember: (node) => ledger.members.has(node),
      software: 'bench',
      upload
    }
  )
  ledger.members.add(network.host.nodeId)
  await network.start()
  return { node: network.host.nodeId, addresses: network.host.addresses() }
}

async function befriend({ node, addresses }: Extract<Order, { kind: 'befriend' }>): Promise<object> {
  ledger.members.add(node)
  if (addresses.length > 0) network.learn(node, addresses)
  while (addresses.length > 0 && !network.connected().includes(node)) await sleep(20)
  return {}
}

/** The same bytes for the same seed. */
async function* noise(bytes: number, seed: string): AsyncGenerator<Uint8Array> {
  const chunk = createHash('shake256', { outputLength: 1 << 20 })
    .update(seed)
    .digest()
  for (let at = 0; at < bytes; at += chunk.byteLength) {
    chunk.writeDoubleLE(at, 0)
    yield Uint8Array.from(chunk.subarray(0, bytes - at))
  }
}

/** Holds the blob, or seems not to: a transfer uses every member that it finds to have it. */
async function show({ digest, isShown }: Extract<Order, { kind: 'show' }>): Promise<object> {
  const path = blobPaths(root).blob(digest)
  const [from, to] = isShown ? [`${path}.away`, path] : [path, `${path}.away`]
  if (((await store.size(digest)) !== undefined) !== isShown) await rename(from, to)
  return {}
}

async function serve({ digest }: Extract<Order, { kind: 'serve' }>): Promise<object> {
  const path = blobPaths(root).blob(digest)
  const server = createServer((_, response) => createReadStream(path).pipe(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  await serveBare(network.host, path)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, port: await serveTcp(path) }
}

/** What a program does that fetches a file by HTTP and checks it; stored as a blob is, too, if asked for. */
async function fetchHttp({ url, digest, isStored }: Extract<Order, { kind: 'http' }>): Promise<object> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, resolve).on('error', reject)
  })
  if (isStored) await store.write(response, { expected: digest })
  else {
    const hash = createHash('sha256')
    for await (const chunk of response) hash.update(chunk as Uint8Array)
    if (hash.digest('hex') !== digest) throw new Error('other bytes')
  }
  return {}
}

async function perform(order: Order): Promise<object> {
  switch (order.kind) {
    case 'start':
      return start(order)
    case 'befriend':
      return befriend(order)
    case 'make':
      return store.write(noise(order.bytes, order.seed))
    case 'show':
      return show(order)
    case 'serve':
      return serve(order)
    case 'http':
      return timed(order.digest, () => fetchHttp(order))
    case 'tcp':
      return timed(order.digest, () => fetchTcp(order.port, order.bytes))
    case 'bare':
      return timed(order.digest, () => fetchBare(network.host, order.address, order.bytes))
    case 'fetch':
      isDiscarding = !order.isStored
      return timed(order.digest, () => network.blobs.ensure(order.digest, order))
  }
}

/** Starts and ends without the blob. */
async function timed(digest: Sha256, act: () => Promise<unknown>): Promise<object> {
  const startMs = performance.now()
  const before = process.cpuUsage()
  await act()
  const { user, system } = process.cpuUsage(before)
  const ms = performance.now() - startMs
  await store.remove(digest)
  return { ms, cpuMs: (user + system) / 1_000 }
}

process.on('message', (message: { readonly id: number; readonly order: Order }) => {
  const { id, order } = message
  perform(order).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.stack : 'failed' })
  )
})
// a bench that was stopped leaves nobody behind
process.on('disconnect', () => process.exit())
