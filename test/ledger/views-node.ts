import type { EntryStore } from '../../src/core/ports.ts'
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts'
import { createMeshState, type MeshState } from '../../src/ledger/mesh-state.ts'
import { settledOwnFeed } from '../../src/ledger/own-feed.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import type { Database } from '../../src/storage/open-database.ts'
import { createRowStore } from '../../src/storage/row-store.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { AUTHORS, founded } from '../scheduler/feed-arbitraries.ts'
import { realClock } from '../support/real-clock.ts'
import { silentLog } from '../support/test-ports.ts'

/** A ledger with its views in a database, as a node has them; its own feed is the first author's. */
export interface ViewsNode {
  readonly state: MeshState
  readonly ledger: Ledger
  readonly entries: EntryStore
  /** Every row, its value in hex. */
  readonly rows: () => Promise<readonly (readonly [string, string])[]>
}

export async function openViews(database: Database): Promise<ViewsNode> {
  const [self] = AUTHORS
  const codec = createEntryCodec(founded.meshId, self!, createVerifier())
  const entries = await createEntryStore(database)
  const rows = createRowStore(database)
  const state = createMeshState(founded.genesis, codec, undefined, {
    rows,
    codec,
    clock: realClock,
    log: silentLog
  })
  const ledger = createLedger(
    {
      codec,
      clock: realClock,
      log: silentLog,
      bus: { publish: async () => 0 },
      ownFeed: settledOwnFeed('0'.repeat(16)),
      store: entries,
      views: state.views,
      wasAdmitted: (node) => state.membership.wasAdmitted(node)
    },
    { meshId: founded.meshId, self: self!.nodeId }
  )
  ledger.onEntry((entry) => void state.apply(entry))
  await ledger.load()
  return {
    state,
    ledger,
    entries,
    async rows() {
      const all = await database.views.iterator().all()
      return all.map(([key, value]) => [key, Buffer.from(value).toString('hex')])
    }
  }
}
