import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { ProjectName, Sha256 } from '../../src/core/ids.ts'
import type { StoredEntry } from '../../src/core/ports.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { publishedWheels } from '../../src/ledger/catalogue.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { createMeshState, type MeshState } from '../../src/ledger/mesh-state.ts'
import { settledOwnFeed } from '../../src/ledger/own-feed.ts'
import { createPageBook, type PageBook } from '../../src/ledger/page-book.ts'
import { JobBoard } from '../../src/scheduler/job-board.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealEntry } from '../../src/wire/envelope.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { FakeClock, MemoryEntryStore, silentLog } from '../support/test-ports.ts'
import { AUTHORS, PAGES, PROJECTS, TARGETS, feeds, founded } from './feed-arbitraries.ts'

/*
 * The merge laws: several feeds, written anyhow, come to two nodes in different orders, entries twice and too early among them.
 * Both end with the same jobs in the same states, offer them in the same order, and publish the same wheels; and a board kept record by
 * record is one made at once from all of them.
 */

function sealed(entries: readonly (readonly MeshRecord[])[], author: number): readonly StoredEntry[] {
  const all: StoredEntry[] = []
  for (const records of entries) {
    const prev: Sha256 | '' = all.at(-1)?.hash ?? ''
    const draft = { meshId: founded.meshId, incarnation: '0'.repeat(16), seq: all.length + 1, prev, records }
    all.push(sealEntry(AUTHORS[author]!, draft))
  }
  return all
}

interface Node {
  readonly state: MeshState
  readonly pages: PageBook
  readonly board: JobBoard
  readonly clock: FakeClock
}

function aBoard(state: MeshState, clock: FakeClock): Omit<Node, 'state' | 'clock'> {
  const pages = createPageBook(state.observations)
  const needed: ProjectName[] = []
  const board = new JobBoard({ state, pages, clock, needPage: (name) => void needed.push(name) })
  const bring = (): void => {
    for (let name = needed.pop(); name !== undefined; name = needed.pop()) {
      const digest = pages.missing(name)?.record.page
      const text = [...PAGES.keys()].find((one) => sha256Hex(one) === digest)
      if (digest !== undefined && text !== undefined) pages.put(name, digest, new TextEncoder().encode(text))
      board.refresh(name)
    }
  }
  const apply = board.apply.bind(board)
  board.apply = (change) => {
    apply(change)
    bring()
  }
  const refreshAll = board.refreshAll.bind(board)
  board.refreshAll = () => {
    refreshAll()
    bring()
  }
  return { pages, board }
}

/** The board brings the pages of what is wanted; those of other projects the index brings when somebody asks for them. */
function bringPages({ observations }: MeshState, pages: PageBook): void {
  for (const name of PROJECTS) {
    const digest = observations.newest(name)?.record.page
    const text = [...PAGES.keys()].find((one) => sha256Hex(one) === digest)
    if (digest !== undefined && text !== undefined) pages.put(name, digest, new TextEncoder().encode(text))
  }
}

/** A node that gets the entries in this order, and asks for what it could not take until it has all. */
async function nodeAfter(order: readonly StoredEntry[], all: readonly StoredEntry[]): Promise<Node> {
  const signer = signerOf('reader')
  const codec = createEntryCodec(founded.meshId, signer, createVerifier())
  const state = createMeshState(founded.genesis, codec)
  const clock = new FakeClock()
  const { pages, board } = aBoard(state, clock)
  const bus = { publish: async () => 0 }
  const store = new MemoryEntryStore()
  const ledger = createLedger(
    {
      store,
      clock,
      bus,
      log: silentLog,
      codec,
      ownFeed: settledOwnFeed('1'.repeat(16)),
      wasAdmitted: (node) => state.membership.wasAdmitted(node)
    },
    { meshId: founded.meshId, self: signer.nodeId }
  )
  ledger.onEntry((entry) => {
    board.apply(state.apply(entry))
  })
  for (const { bytes } of [...order, ...all]) await ledger.admit(bytes)
  expect(ledger.entryCount()).toBe(all.length)
  bringPages(state, pages)
  return { state, pages, board, clock }
}

/** All that a node concludes, as far as others must conclude the same. */
function conclusions({ state, pages, board }: Pick<Node, 'state' | 'pages' | 'board'>): unknown {
  const rows = [...board.rows()]
    .map(({ id, state: cell, wantIds, sdist }) => ({ id, cell, wantIds, sdist }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const jobs = TARGETS.map((target) =>
    [TARGETS, TARGETS.slice(1), TARGETS.slice(2), []].map((served) => [
      ...board.openJobs(target, { isServed: (one) => served.includes(one) })
    ])
  )
  const wheels = PROJECTS.map((name) => publishedWheels(state, name, pages.releases(name)?.releases ?? []))
  return { rows, jobs, wheels }
}

test('whatever the order in which entries come, every node ends with the same queue and the same wheels', async () => {
  let offered = 0
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(feeds, fc.infiniteStream(fc.nat(1_000)), async (drawn, dice) => {
      const all = drawn.flatMap(sealed)
      const shuffled = [...all, ...all.slice(0, 3)]
        .map((entry) => ({ entry, at: Number(dice.next().value) }))
        .sort((a, b) => a.at - b.at)
        .map(({ entry }) => entry)
      const inOrder = await nodeAfter([], all)
      const otherwise = await nodeAfter(shuffled, all)
      const expected = conclusions(inOrder)
      for (const { state } of inOrder.board.rows()) seen.add(state.kind)
      expect(conclusions(otherwise)).toEqual(expected)
      const atOnce = aBoard(inOrder.state, inOrder.clock)
      atOnce.board.refreshAll()
      expect(conclusions({ board: atOnce.board, pages: inOrder.pages, state: inOrder.state })).toEqual(
        expected
      )
      // What waits out its back-off is there on both at the same time.
      await Promise.all([inOrder.clock.advance(3_600_000), otherwise.clock.advance(3_600_000)])
      const later = conclusions(inOrder)
      expect(conclusions(otherwise)).toEqual(later)
      if (JSON.stringify(later) !== JSON.stringify(expected)) offered++
    }),
    { numRuns: 150 }
  )
  // The drawing reaches every state, and jobs in back-off, or it would show little.
  expect([...seen].sort()).toEqual(['built', 'excluded', 'failed', 'open', 'skipped', 'upstream', 'waiting'])
  expect(offered).toBeGreaterThan(3)
})
