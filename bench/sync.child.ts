import '../src/node/polyfills.ts'
import { mkdir } from 'node:fs/promises'
import { multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../src/core/ids.ts'
import { createHost } from '../src/gossip/create-libp2p.ts'
import { pullFrom } from '../src/gossip/sync-client.ts'
import { SyncHeads } from '../src/gossip/sync-heads.ts'
import { serveSync } from '../src/gossip/sync-server.ts'
import { syncSourceOf } from '../src/node/create-mesh.ts'
import { createRecords, type Records } from '../src/node/create-records.ts'
import { systemClock, systemRandom } from '../src/node/system-clock.ts'
import { silentLog } from '../test/support/test-ports.ts'
import { cpuMsSince, ownMemoryMiB, writeLocally } from './sync-local.ts'
import { AUTHORS, SERVER, aResult, feedOf, seedOf, theGenesis } from './sync-records.ts'

/*
 * One process of bench/sync.bench.ts: a node's records (ledger, views, LevelDB) with the network's sync on top, or the bare
 * database that it is compared with. Orders come and figures go over the channel to the parent.
 */

export type SyncOrder =
  | { readonly order: 'serve'; readonly dataDir: string; readonly results: number }
  | { readonly order: 'append'; readonly results: number }
  | {
      readonly order: 'pull'
      readonly dataDir: string
      readonly self: number
      readonly from: string
      readonly server: NodeId
    }
  | { readonly order: 'write'; readonly dataDir: string; readonly copyDir: string }

export interface SyncFigures {
  readonly ms: number
  /** CPU time of the process meanwhile, LevelDB's own threads included. */
  readonly cpuMs?: number
  readonly entries?: number
  readonly bytes?: number
  readonly address?: string
  readonly id?: NodeId
  readonly residentMiB?: number
  /** Of it, without mapped files. */
  readonly ownMiB?: number
  readonly keys?: number
}

const genesis = theGenesis()
const ports = { clock: systemClock, random: systemRandom, log: silentLog }
let serving: Records | undefined

process.on('message', (order: SyncOrder) => {
  void run(order).then(
    (figures) => process.send?.(figures),
    (error: unknown) => {
      process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`)
      process.exit(1)
    }
  )
})
process.on('disconnect', () => process.exit())

async function run(order: SyncOrder): Promise<SyncFigures> {
  switch (order.order) {
    case 'serve':
      return serve(order)
    case 'append':
      return append(order)
    case 'pull':
      return pull(order)
    case 'write':
      return writeLocally(order)
  }
}

async function open(dataDir: string, self: number): Promise<Records> {
  await mkdir(dataDir, { recursive: true })
  const identity = { seed: seedOf(self), membership: { genesis, sponsors: [] }, boot: 1 }
  const records = await createRecords(identity, ports, { dataDir, acceptLan: false, publish: async () => 0 })
  await records.ledger.load()
  // As a node's engine does: the views in memory are part of what is measured, and bound which results are the newest.
  records.ledger.onEntry((entry) => void records.state.apply(entry))
  return records
}

async function serve({ dataDir, results }: SyncOrder & { order: 'serve' }): Promise<SyncFigures> {
  const startMs = performance.now()
  const records = await open(dataDir, SERVER)
  serving = records
  if (records.ledger.entryCount() === 0) await fill(records, results)
  const host = await hostOf(SERVER, records, ['/ip4/127.0.0.1/tcp/0'])
  const source = syncSourceOf(records.ledger)
  await serveSync(
    { host, source, index: new SyncHeads(source), log: silentLog, blame: () => undefined },
    () => undefined
  )
  await host.libp2p.start()
  const [address] = host.addresses()
  return {
    ms: performance.now() - startMs,
    entries: records.ledger.entryCount(),
    id: host.nodeId,
    ...(address !== undefined && { address })
  }
}

/** Through the front door, so that the views are there, too. */
async function fill({ ledger }: Records, results: number): Promise<void> {
  for (let author = 0; author < AUTHORS; author++) {
    let range: Uint8Array[] = []
    for (const entry of feedOf(author, Math.ceil(results / AUTHORS), genesis)) {
      if (range.push(entry.bytes) < 20) continue
      await admit(range)
      range = []
    }
    await admit(range)
    process.send?.({ progress: (author + 1) / AUTHORS })
  }

  async function admit(range: readonly Uint8Array[]): Promise<void> {
    const admission = await ledger.admitRange(range)
    if (admission.kind !== 'accepted' && range.length > 0) throw new Error(`not taken: ${admission.kind}`)
  }
}

/** Own records of the serving node; the bytes are those of their entries. */
async function append({ results }: SyncOrder & { order: 'append' }): Promise<SyncFigures> {
  if (serving === undefined) throw new Error('serves nothing')
  const { ledger, signer } = serving
  const startMs = performance.now()
  serving.ownFeed.hurry()
  await ledger.append(...Array.from({ length: results }, (_, index) => aResult(SERVER, index)))
  let [bytes, entries] = [0, 0]
  for (const head of ledger.heads()) {
    if (head.node !== signer.nodeId) continue
    for await (const entry of ledger.range(head, 1)) {
      bytes += entry.bytes.byteLength
      entries += 1
    }
  }
  return { ms: performance.now() - startMs, bytes, entries }
}

async function pull({ dataDir, self, from, server }: SyncOrder & { order: 'pull' }): Promise<SyncFigures> {
  const records = await open(dataDir, self)
  const host = await hostOf(self, records, [])
  await host.libp2p.start()
  await host.libp2p.dial(multiaddr(from))
  const source = syncSourceOf(records.ledger)
  const parts = {
    host,
    source,
    index: new SyncHeads(source),
    clock: systemClock,
    log: silentLog,
    blame: () => undefined
  }
  process.send?.({ begins: true })
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()]
  const { accepted } = await pullFrom(parts, server, { prompted: true })
  const [ms, cpuMs] = [performance.now() - startMs, cpuMsSince(startCpu)]
  const [residentMiB, ownMiB] = [process.memoryUsage().rss / 2 ** 20, ownMemoryMiB()]
  await host.libp2p.stop()
  await records.ledger.stop()
  await records.database.close()
  return { ms, cpuMs, entries: accepted, residentMiB, ownMiB }
}

async function hostOf(
  self: number,
  { signer }: Records,
  listen: readonly string[]
): ReturnType<typeof createHost> {
  return createHost({
    privateKeyRaw: seedOf(self),
    listen: [...listen],
    mdns: { enabled: false, serviceTag: 'bench' },
    meshId: genesis.meshId,
    isMember: (node) => node !== signer.nodeId
  })
}
