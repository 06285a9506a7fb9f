import { MemoryLevel } from 'memory-level'
import { feedKey, wantsOf } from '../../src/core/feed-heads.ts'
import type { NodeId } from '../../src/core/ids.ts'
import type { Clock, EntryStore, Log, Random, Signer, StoredEntry } from '../../src/core/ports.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { createLedger, type Admission, type Ledger } from '../../src/ledger/ledger.ts'
import { createMeshState, type MeshState } from '../../src/ledger/mesh-state.ts'
import type { OwnFeedGate } from '../../src/ledger/own-feed.ts'
import { createOwnFeed } from '../../src/node/own-feed.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { useDatabase, type Database } from '../../src/storage/open-database.ts'
import { createRowStore } from '../../src/storage/row-store.ts'
import { createSmallState } from '../../src/storage/small-state.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealEntry } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { collect } from '../support/collect.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aWant } from '../support/make-record.ts'
import { silentLog } from '../support/test-ports.ts'

/** Everybody who takes part in these tests is a root: who let whom in is tested elsewhere. */
export const NAMES = ['ada', 'bob', 'cleo', 'dan', 'eve'] as const
export type Name = (typeof NAMES)[number]

export const MESH = sealGenesis(aGenesis({ roots: NAMES.map((name) => signerOf(name).nodeId) }))
export const LONE_MESH = sealGenesis(aGenesis({ roots: [signerOf('ada').nodeId], nonce: 'alone' }))

export interface FeedNodeOptions {
  readonly clock: Clock
  /** What lies on its disk; absent: nothing yet. */
  readonly database?: Database
  readonly mesh?: typeof MESH
  readonly log?: Log
}

/** A node's ledger with its database, its views and its own-feed gate, as a start makes them. */
export interface FeedNode {
  readonly id: NodeId
  readonly signer: Signer
  readonly database: Database
  readonly store: EntryStore
  readonly state: MeshState
  readonly ledger: Ledger
  readonly gate: OwnFeedGate
}

let lives = 0

/** Bytes that no two nodes of a test share. */
const random: Random = {
  float: () => 0.5,
  bytes: (length) => {
    lives++
    return Uint8Array.from({ length }, (_, at) => (at < 4 ? (lives >>> (8 * at)) & 255 : 7))
  }
}

async function emptyDatabase(): Promise<Database> {
  const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
  return useDatabase(level, { folder: 'memory', made: false })
}

/** As an SD card is copied. */
export async function copyOf({ level }: Database): Promise<Database> {
  const copy = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
  for await (const [key, value] of level.iterator()) await copy.put(key, value)
  return useDatabase(copy, { folder: 'memory', made: true })
}

export async function startFeedNode(name: Name, options: FeedNodeOptions): Promise<FeedNode> {
  const { clock, mesh = MESH, log = silentLog } = options
  const database = options.database ?? (await emptyDatabase())
  const signer = signerOf(name)
  const codec = createEntryCodec(mesh.meshId, signer, createVerifier())
  const state = createMeshState(mesh.genesis, codec, undefined, {
    codec,
    clock,
    log,
    rows: createRowStore(database)
  })
  const gate = await createOwnFeed(createSmallState(database), { clock, random, log }, () =>
    state.membership.all().flatMap(({ node }) => (node === signer.nodeId ? [] : [node]))
  )
  const store = await createEntryStore(database)
  const ledger = createLedger(
    {
      clock,
      codec,
      log,
      ownFeed: gate,
      views: state.views,
      store,
      bus: { publish: async () => 0 },
      wasAdmitted: (node) => state.membership.wasAdmitted(node)
    },
    { meshId: mesh.meshId, self: signer.nodeId }
  )
  ledger.onEntry((entry) => state.apply(entry))
  ledger.onFork(({ place }) => {
    state.membership.expel(place.node)
  })
  await ledger.load()
  gate.begin()
  return { id: signer.nodeId, signer, database, store, state, ledger, gate }
}

/** What a sync session does, without a wire: what `from` holds and `to` lacks is handed over, proofs first. */
export async function pull(to: FeedNode, from: FeedNode): Promise<readonly Admission[]> {
  const told: Admission[] = []
  for (const place of from.ledger.proofs()) {
    const proof = await from.ledger.proof(place)
    if (proof !== undefined) told.push(await to.ledger.admitProof(proof))
  }
  for (const want of wantsOf(to.ledger.heads(), from.ledger.heads(), to.ledger.proofs())) {
    const entries = await collect(from.ledger.range(want, want.from, want.to))
    told.push(await to.ledger.admitRange(entries.map(({ bytes }) => bytes)))
  }
  to.gate.answered(from.id)
  return told
}

/** Until nobody learns anything new from anybody. */
export async function settleAll(nodes: readonly FeedNode[]): Promise<void> {
  let before = ''
  for (let round = 0; before !== stateOf(nodes); round++) {
    if (round > 100) throw new Error(`no end of news: ${before}`)
    before = stateOf(nodes)
    for (const to of nodes) for (const from of nodes) if (to !== from) await pull(to, from)
  }
}

function stateOf(nodes: readonly FeedNode[]): string {
  return JSON.stringify(nodes.map(ledgerOf))
}

/** All that must be equal in two ledgers: the heads and where feeds are cut. */
export function ledgerOf({ ledger }: Pick<FeedNode, 'ledger'>): unknown {
  const heads = ledger.heads().map((head) => `${feedKey(head)} ${head.seq} ${head.hash}`)
  const cuts = ledger.proofs().map((place) => `${feedKey(place)} ${place.seq}`)
  return { heads: heads.sort(), cuts: cuts.sort() }
}

/** The own feeds of a node: how far each goes. */
export function feedsOf({ id, ledger }: FeedNode, node = id): Readonly<Record<string, number>> {
  const own = ledger.heads().filter((head) => head.node === node)
  return Object.fromEntries(own.map(({ incarnation, seq }) => [incarnation, seq]))
}

/** Another history of a feed: entries signed with the same key, after an entry of the feed or from its beginning. */
export function forkOf(
  signer: Signer,
  incarnation: string,
  after: Pick<StoredEntry, 'seq' | 'hash'> | undefined,
  ...records: readonly MeshRecord[]
): readonly StoredEntry[] {
  const entries: StoredEntry[] = []
  for (const record of records) {
    const before = entries.at(-1) ?? after
    const place = { seq: (before?.seq ?? 0) + 1, prev: before?.hash ?? ('' as const) }
    entries.push(sealEntry(signer, { meshId: MESH.meshId, incarnation, ...place, records: [record] }))
  }
  return entries
}

export const FORKED = 'f0f0f0f0f0f0f0f0'

export const wants = (count: number, from = 0): MeshRecord[] =>
  Array.from({ length: count }, (_, at) => aWant({ createdMs: from + at }))

/** Two histories of eve's feed that share their first `common` entries. */
export function twoHistories(
  common: number,
  ours: readonly MeshRecord[],
  theirs: readonly MeshRecord[]
): readonly [readonly StoredEntry[], readonly StoredEntry[]] {
  const shared = forkOf(signerOf('eve'), FORKED, undefined, ...wants(common))
  const follow = (records: readonly MeshRecord[]): readonly StoredEntry[] => [
    ...shared,
    ...forkOf(signerOf('eve'), FORKED, shared.at(-1), ...records)
  ]
  return [follow(ours), follow(theirs)]
}

export async function give(node: FeedNode, entries: readonly StoredEntry[]): Promise<string> {
  return (await node.ledger.admitRange(entries.map(({ bytes }) => bytes))).kind
}
