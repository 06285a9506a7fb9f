import { expect, onTestFinished, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { StoredEntry } from '../../src/core/ports.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { releasesOf } from '../../src/core/releases.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import { publishedWheels } from '../../src/ledger/catalogue.ts'
import { syncSourceOf } from '../../src/node/create-mesh.ts'
import { forkOf, ledgerOf, MESH, startFeedNode, type FeedNode, type Name } from '../ledger/feed-node.ts'
import { page } from '../scheduler/board-mesh.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { realClock } from '../support/real-clock.ts'
import { eventually, startNode, type TestNode } from './mesh.ts'

/*
 * A member that writes two histories of its feed, in a mesh of five real ledgers over the real sync client and server: no two of the
 * others have heard the same part of it.
 */

const FORKED = 'f0f0f0f0f0f0f0f0'
const eve = signerOf('eve')
const demo = normalizeName('demo')
const releases = releasesOf(parseProjectPage(JSON.parse(page), demo))

interface Living {
  readonly node: FeedNode
  readonly net: TestNode
}

async function start(name: Name): Promise<Living> {
  const node = await startFeedNode(name, { clock: realClock })
  const { membership } = node.state
  const net = await startNode(name, {
    meshId: MESH.meshId,
    source: syncSourceOf(node.ledger),
    isMember: (other) => membership.isMember(other),
    syncPeriodMs: 200
  })
  membership.onChange(() => {
    net.network.membershipChanged()
  })
  onTestFinished(() => net.stop())
  return { node, net }
}

const TARGETS = ['cp39', 'cp311', 'cp313'].map((tag) => `${tag}-linux_x86_64-glibc2.36` as TargetId)

/** Results that differ from each other, of one release for several targets. */
function results(from: number): readonly MeshRecord[] {
  return TARGETS.map((target, at) =>
    aResult({ job: jobId(demo, '1.0', target), durationMs: from + at, startedMs: from })
  )
}

function history(after: readonly StoredEntry[], records: readonly MeshRecord[]): readonly StoredEntry[] {
  return [...after, ...forkOf(eve, FORKED, after.at(-1), ...records)]
}

async function give({ node }: Living, entries: readonly StoredEntry[]): Promise<void> {
  const bytes = entries.map((entry) => entry.bytes)
  expect(await node.ledger.admitRange(bytes)).toEqual({ kind: 'accepted' })
}

/** What the index of a node lists, as text. */
function indexOf({ node }: Living): string {
  return JSON.stringify(publishedWheels(node.state, demo, releases))
}

test('the others all cut it where its histories part, have equal ledgers and indexes, and end their connections', async () => {
  const names = ['ada', 'bob', 'cleo', 'dan', 'eve'] as const
  const [ada, bob, cleo, dan, forker] = (await Promise.all(names.map(start))) as [
    Living,
    Living,
    Living,
    Living,
    Living
  ]
  const honest = [ada, bob, cleo, dan]
  const shared = history(
    [],
    Array.from({ length: 12 }, (_, at) => aWant({ createdMs: at }))
  )
  const ours = history(shared, [
    ...results(100),
    ...Array.from({ length: 25 }, () => aWant({ createdMs: 500 }))
  ])
  const theirs = history(shared, [aWant({ createdMs: 600 }), ...results(200)])
  await ada.node.ledger.append(aResult({ job: jobId(demo, '1.0', TARGETS[0]!) }))
  await bob.node.ledger.append(aResult({ job: jobId(demo, '1.0', TARGETS[2]!) }))
  await give(forker, ours)
  await give(bob, theirs)
  await give(cleo, theirs.slice(0, 14))
  await give(dan, ours.slice(0, 13))

  // Everybody can reach everybody, eve above all.
  for (const { net } of honest) {
    net.network.learn(forker.net.id, forker.net.network.host.addresses())
    for (const other of honest)
      if (other.net !== net) net.network.learn(other.net.id, other.net.network.host.addresses())
  }

  const cut = [{ node: eve.nodeId, incarnation: FORKED, seq: shared.length + 1 }]
  for (const { node } of honest) await eventually(() => node.ledger.proofs(), cut, 40_000)
  for (const one of honest) await eventually(() => ledgerOf(one.node), ledgerOf(ada.node), 40_000)
  expect(ada.node.ledger.entryCount()).toBe(shared.length + 2)
  for (const one of honest) {
    expect(indexOf(one)).toBe(indexOf(ada))
    expect(one.node.state.results.count()).toBe(2)
    await eventually(() => one.net.network.connected().includes(eve.nodeId), false, 40_000)
    await eventually(() => one.net.network.connected().length, 3, 40_000)
  }
  expect(indexOf(ada)).toContain(ada.net.id)
  expect(indexOf(ada)).not.toContain(eve.nodeId)
}, 90_000)
