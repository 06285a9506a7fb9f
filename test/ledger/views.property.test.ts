import fc from 'fast-check'
import { MemoryLevel } from 'memory-level'
import { expect, test } from 'vitest'
import type { ProjectName, Sha256 } from '../../src/core/ids.ts'
import type { AppendOptions, EntryStore, StoredEntry } from '../../src/core/ports.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts'
import { createMeshState, type MeshState } from '../../src/ledger/mesh-state.ts'
import { settledOwnFeed } from '../../src/ledger/own-feed.ts'
import { VERSION_KEY } from '../../src/ledger/row-keys.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { useDatabase, type Database } from '../../src/storage/open-database.ts'
import { createRowStore } from '../../src/storage/row-store.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { openEntry, sealEntry } from '../../src/wire/envelope.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { AUTHORS, PROJECTS, feeds, founded } from '../scheduler/feed-arbitraries.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'
import { referenceFold, type ReferenceFold } from './reference-fold.ts'

/*
 * Whatever comes in whatever order, with restarts, writes that fail and views of other versions in between: the stored rows are byte for
 * byte those that are made anew from the entries, and what they say is what going through all entries says.
 */

/** What may happen between two entries. */
const EVENTS = ['nothing', 'restart', 'other version', 'rows lost', 'disk full', 'rebuild'] as const
type Event = (typeof EVENTS)[number]

class Machine {
  readonly database: Database
  readonly codec = createEntryCodec(founded.meshId, signerOf('reader'), createVerifier())
  state!: MeshState
  ledger!: Ledger
  #entries!: EntryStore
  #isFull = false

  constructor(database: Database) {
    this.database = database
  }

  static async start(): Promise<Machine> {
    const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    const machine = new Machine(await useDatabase(level, { folder: 'memory', made: false }))
    await machine.restart()
    return machine
  }

  async restart(): Promise<void> {
    const clock = new FakeClock()
    const entries = await createEntryStore(this.database)
    this.#entries = entries
    const rows = createRowStore(this.database)
    const stored = { rows, codec: this.codec, clock, log: silentLog }
    this.state = createMeshState(founded.genesis, this.codec, undefined, stored)
    const append = async (some: readonly StoredEntry[], options: AppendOptions): Promise<void> => {
      if (this.#isFull) throw new Error('no space left on device')
      await entries.append(some, options)
    }
    this.ledger = createLedger(
      {
        clock,
        codec: this.codec,
        log: silentLog,
        bus: { publish: async () => 0 },
        ownFeed: settledOwnFeed('1'.repeat(16)),
        store: { ...entries, append },
        views: this.state.views,
        wasAdmitted: (node) => this.state.membership.wasAdmitted(node)
      },
      { meshId: founded.meshId, self: signerOf('reader').nodeId }
    )
    this.ledger.onEntry((entry) => void this.state.apply(entry))
    await this.ledger.load()
  }

  async meet(event: Event, entry: StoredEntry): Promise<void> {
    const { views } = this.database
    switch (event) {
      case 'nothing':
        return
      case 'restart':
        return this.restart()
      case 'other version':
        await views.put(VERSION_KEY, new TextEncoder().encode('0 0'))
        await views.put('x of another version', new Uint8Array(3))
        return this.restart()
      case 'rows lost':
        await views.clear({ limit: 3 })
        await views.del(VERSION_KEY)
        return this.restart()
      case 'disk full':
        this.#isFull = true
        await this.ledger.admit(entry.bytes).catch(() => undefined)
        this.#isFull = false
        return
      case 'rebuild':
        return this.state.views?.rebuild(this.#entries)
    }
  }

  async rows(): Promise<readonly (readonly [string, string])[]> {
    const all = await this.database.views.iterator().all()
    return all.map(([key, value]) => [key, Buffer.from(value).toString('hex')])
  }

  /** What the views say, as the reference says it. */
  said(): ReferenceFold {
    const { results, observations, wishes, nodes } = this.state
    const releases = PROJECTS.flatMap((project: ProjectName) =>
      results
        .versionsOf(project)
        .map((version): [string, string[]] => [
          `${project} ${version}`,
          results.ofRelease(project, version).map(({ recordId }) => recordId)
        ])
    )
    return {
      releases: Object.fromEntries(releases),
      count: results.count(),
      authors: [...results.authors()].sort(),
      newest: results.newest(1_000).map(({ recordId }) => recordId),
      observed: Object.fromEntries(
        [...observations.projects()].map((project) => [project, observations.newest(project)!.recordId])
      ),
      nodes: Object.fromEntries([...nodes.all()].map(([node, { saidMs }]) => [node, saidMs])),
      wants: [...wishes.wants()].map(([id]) => id).sort(),
      retracted: [...results.retracted()].sort()
    }
  }
}

/** Feeds as their authors sign them; results end at different times. */
function sealed(entries: readonly (readonly MeshRecord[])[], author: number): readonly StoredEntry[] {
  const all: StoredEntry[] = []
  for (const drawn of entries) {
    const prev: Sha256 | '' = all.at(-1)?.hash ?? ''
    const seq = all.length + 1
    const records = drawn.map((record, index) =>
      record.kind === 'result' ? { ...record, startedMs: 1_000 * ((7 * seq + 3 * index) % 5) } : record
    )
    const draft = { meshId: founded.meshId, incarnation: '0'.repeat(16), seq, prev, records }
    all.push(sealEntry(AUTHORS[author]!, draft))
  }
  return all
}

/** Feed by feed in order, mixed with the others anyhow. */
function mixed(all: readonly (readonly StoredEntry[])[], dice: () => number): readonly StoredEntry[] {
  const left = all.map((feed) => [...feed])
  const order: StoredEntry[] = []
  for (let open = left.filter((feed) => feed.length > 0); open.length > 0;) {
    order.push(open[dice() % open.length]!.shift()!)
    open = left.filter((feed) => feed.length > 0)
  }
  return order
}

test('stored views are what a rebuild makes of the entries, and what going through all entries says', async () => {
  const met = new Set<string>()
  await fc.assert(
    fc.asyncProperty(feeds, fc.infiniteStream(fc.nat(1_000)), async (drawn, stream) => {
      const dice = (): number => Number(stream.next().value)
      const order = mixed(drawn.map(sealed), dice)
      const machine = await Machine.start()
      for (const entry of order) {
        const event = EVENTS[dice() % EVENTS.length]!
        await machine.meet(event, entry)
        met.add(event)
        expect(await machine.ledger.admit(entry.bytes)).toEqual({ kind: 'accepted' })
      }
      const expected = referenceFold(order.map(({ bytes }) => openEntry(bytes)))
      expect(machine.said()).toEqual(expected)
      const stored = await machine.rows()
      await machine.restart()
      expect(machine.said()).toEqual(expected)
      expect(await machine.rows()).toEqual(stored)
      await machine.meet('rebuild', order[0]!)
      expect(await machine.rows()).toEqual(stored)
      expect(machine.said()).toEqual(expected)
      await machine.database.close()
    }),
    { numRuns: 60 }
  )
  expect([...met].sort()).toEqual([...EVENTS].sort())
}, 120_000)
