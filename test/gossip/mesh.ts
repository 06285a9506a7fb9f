import '../../src/node/polyfills.ts'
import { randomBytes } from 'node:crypto'
import { memory } from '@libp2p/memory'
import { expect, onTestFinished } from 'vitest'
import type { MeshId, NodeId } from '../../src/core/ids.ts'
import type { PieceStore, Random } from '../../src/core/ports.ts'
import { createHost, createNewcomerHost, type Host, type MeshHost } from '../../src/gossip/create-libp2p.ts'
import { createNetwork, type Network, type NetworkOptions } from '../../src/gossip/create-network.ts'
import { TOPICS, topicId } from '../../src/gossip/topics.ts'
import { seedOf, signerOf } from '../support/fixture-keys.ts'
import { realClock } from '../support/real-clock.ts'
import { silentLog } from '../support/test-ports.ts'
import type { SyncSource } from '../../src/gossip/sync-ports.ts'
import { FakeLedger, MESH_ID } from './fake-ledger.ts'
import { MemoryBlobs } from './memory-blobs.ts'

const systemRandom: Random = { float: () => Math.random(), bytes: (length) => randomBytes(length) }
const NO_MDNS = { enabled: false, serviceTag: 'test' }
let hosts = 0

export interface TestNode {
  readonly id: NodeId
  readonly network: Network
  readonly ledger: FakeLedger
  readonly blobs: MemoryBlobs
  stop(): Promise<void>
}

export interface TestNodeOptions extends Partial<
  Pick<NetworkOptions, 'helloTimeoutMs' | 'syncPeriodMs' | 'bootstrap' | 'listen' | 'upload' | 'download'>
> {
  readonly meshId?: MeshId
  /** Loopback TCP in place of memory: for what needs back-pressure. */
  readonly isTcp?: boolean
  readonly store?: PieceStore
  /** A ledger in place of the fake one. */
  readonly source?: SyncSource
  readonly isMember?: (node: NodeId) => boolean
}

/** A node of the test mesh, running, with a key made from its name; it knows no other member yet. */
export async function startNode(name: string, options: TestNodeOptions = {}): Promise<TestNode> {
  const { meshId = MESH_ID, isTcp = false, store, source, ...others } = options
  const ledger = new FakeLedger()
  const blobs = new MemoryBlobs()
  const id = signerOf(name).nodeId
  ledger.members.add(id)
  const network = await createNetwork(
    {
      door: ledger,
      source: source ?? ledger,
      store: store ?? blobs,
      clock: realClock,
      random: systemRandom,
      log: silentLog
    },
    {
      privateKeyRaw: seedOf(name),
      listen: [isTcp ? '/ip4/127.0.0.1/tcp/0' : `/memory/${name}-${(hosts += 1)}`],
      mdns: NO_MDNS,
      meshId,
      isMember: (node) => ledger.members.has(node),
      software: '0.0.0-test',
      keeperTickMs: 200,
      syncPeriodMs: 600_000,
      ...(isTcp ? {} : { transports: [memory()] }),
      ...others
    }
  )
  await network.start()
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= network.stop())
  onTestFinished(stop)
  return { id, network, ledger, blobs, stop }
}

/** All of these take each other for members. */
export function befriend(...nodes: readonly TestNode[]): void {
  for (const node of nodes) for (const other of nodes) node.ledger.members.add(other.id)
}

/** Every node knows where the first one is, and all end up connected to it, greeted. */
export async function connect(first: TestNode, ...others: readonly TestNode[]): Promise<void> {
  for (const node of others) {
    const greeted = new Promise<void>((resolve) => {
      node.network.onMember((peer) => {
        if (peer === first.id) resolve()
      })
    })
    node.network.learn(first.id, first.network.host.addresses())
    await greeted
  }
}

/** Members that share a mesh, connected to the first. */
export async function startMesh(
  names: readonly string[],
  options: TestNodeOptions = {}
): Promise<TestNode[]> {
  const nodes = await Promise.all(names.map((name) => startNode(name, options)))
  befriend(...nodes)
  const [first, ...others] = nodes
  if (first !== undefined) await connect(first, ...others)
  return nodes
}

/** A host that takes itself for a member and greets nobody. */
export async function startRude(name: string): Promise<MeshHost> {
  const host = await createHost({
    privateKeyRaw: seedOf(name),
    listen: [],
    mdns: NO_MDNS,
    transports: [memory()],
    meshId: MESH_ID,
    isMember: () => true
  })
  await host.libp2p.start()
  for (const topic of TOPICS) host.pubsub.subscribe(topicId(MESH_ID, topic))
  onTestFinished(async () => host.libp2p.stop())
  return host
}

/** A node that belongs to no mesh yet. */
export async function startNewcomer(name: string, isTcp = false): Promise<Host> {
  const host = await createNewcomerHost({
    privateKeyRaw: seedOf(name),
    mdns: NO_MDNS,
    ...(isTcp ? {} : { transports: [memory()] })
  })
  await host.libp2p.start()
  onTestFinished(async () => host.libp2p.stop())
  return host
}

export function addressOf(node: TestNode): string {
  const [address] = node.network.host.addresses()
  if (address === undefined) throw new TypeError('listens nowhere')
  return address
}

/** Polls instead of sleeping: fails after the deadline with the last difference. */
export async function eventually(check: () => unknown, expected: unknown, timeoutMs = 8_000): Promise<void> {
  await expect.poll(check, { timeout: timeoutMs, interval: 20 }).toEqual(expected)
}
