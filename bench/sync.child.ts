import '../src/node/polyfills.ts'
import { mkdir } from 'node:fs/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { Level } from 'level'
import type { NodeId } from '../src/core/ids.ts'
import { createHost } from '../src/gossip/create-libp2p.ts'
import { pullFrom } from '../src/gossip/sync-client.ts'
import { SyncHeads } from '../src/gossip/sync-heads.ts'
import { serveSync } from '../src/gossip/sync-server.ts'
import { syncSourceOf } from '../src/node/create-mesh.ts'
import { createRecords, type Records } from '../src/node/create-records.ts'
import { systemClock, systemRandom } from '../src/node/system-clock.ts'
import { openDatabase } from '../src/storage/open-database.ts'
import { silentLog } from '../test/support/test-ports.ts'
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
      return write(order)
  }
}

async function open(dataDir: string, self: number): Promise<Records> {
  await mkdir(dataDir, { recursive: true })
  const identity = { seed: seedOf(self), membership: { genesis, sponsors: [] }, boot: 1 }
  const records = await createRecords(identity, ports, { dataDir, acceptLan: false, publish: async () => 0 })
  await records.ledger.load()
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
  const residentMiB = process.memoryUsage().rss / 2 ** 20
  await host.libp2p.stop()
  await records.ledger.stop()
  await records.database.close()
  return { ms, cpuMs, entries: accepted, residentMiB }
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

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const BATCH_BYTES = 256 * 1024

/**
 * The same keys and values into a fresh LevelDB, in batches of about a page: entries in their order, the other rows in a random one
 * between them, as results come. Only the writing is timed.
 */
async function write({ dataDir, copyDir }: SyncOrder & { order: 'write' }): Promise<SyncFigures> {
  const database = await openDatabase(dataDir)
  const [entryKeys, rowKeys] = [[] as string[], [] as string[]]
  for await (const key of database.level.keys({ keyEncoding: 'utf8' })) {
    ;(key.startsWith('!entries!') ? entryKeys : rowKeys).push(key)
  }
  const keys = mixed(entryKeys, shuffled(rowKeys))
  const copy = new Level<string, Uint8Array>(copyDir, { valueEncoding: 'view' })
  await copy.open()
  let [ms, cpuMs, bytes, group] = [0, 0, 0, 0]
  let batch: { type: 'put'; key: string; value: Uint8Array }[] = []
  const flush = async (): Promise<void> => {
    const [startMs, startCpu] = [performance.now(), process.cpuUsage()]
    await copy.batch(batch)
    ms += performance.now() - startMs
    cpuMs += cpuMsSince(startCpu)
    ;[batch, group] = [[], 0]
  }
  for (let at = 0; at < keys.length; at += 256) {
    const some = keys.slice(at, at + 256)
    const values = await database.level.getMany(some, { keyEncoding: 'utf8', valueEncoding: 'view' })
    for (const [index, key] of some.entries()) {
      const value = values[index] ?? new Uint8Array()
      batch.push({ type: 'put', key, value })
      group += value.byteLength
      bytes += value.byteLength
      if (group >= BATCH_BYTES) await flush()
    }
  }
  await flush()
  await copy.close()
  await database.close()
  return { ms, cpuMs, keys: keys.length, bytes }
}

function shuffled(keys: readonly string[]): readonly string[] {
  const list = [...keys]
  let state = 1
  for (let at = list.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = state % (at + 1)
    ;[list[at], list[other]] = [list[other] ?? '', list[at] ?? '']
  }
  return list
}

/** Both lists in their order, evenly through one another. */
function mixed(few: readonly string[], many: readonly string[]): readonly string[] {
  const each = many.length / Math.max(few.length, 1)
  return [
    ...few.flatMap((key, index) => [
      key,
      ...many.slice(Math.floor(index * each), Math.floor((index + 1) * each))
    ]),
    ...many.slice(Math.floor(few.length * each))
  ]
}
