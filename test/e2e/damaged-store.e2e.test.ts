import { stat, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { VerifyReportView } from '../../src/http/verify-types.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { databaseFiles, flipByte, largestFile } from '../support/feed-folder.ts'
import { digestOf, holds, indexBodies, indexFiles, statusOf } from '../support/mesh-views.ts'
import { hermeticEnv } from '../support/node-yard.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, useE2e } from './e2e-kit.ts'

/* A node whose card forgets: real processes, real LevelDB files. Builds take a moment of a clock instead of a compiler. */

const kit = useE2e()
const FAKE_NODE = fileURLToPath(new URL('../support/fake-node.child.ts', import.meta.url))
const PROJECTS = ['quince', 'medlar', 'sloe']

function node(name: string): NodeProcess {
  return kit.yard.node(name, {
    program: ['--import', 'tsx', FAKE_NODE],
    env: { ...hermeticEnv(kit.yard.folder), FAKE_BUILD_MS: '200' }
  })
}

function blobPath({ dataDir }: NodeProcess, digest: string): string {
  return join(dataDir, 'blobs', digest.slice(0, 2), digest.slice(2, 4), digest)
}

/** All of them: a compaction may just have put another one in the place of the largest. */
async function flipTables(dataDir: string): Promise<void> {
  for (const table of await databaseFiles(dataDir, /\.ldb$/)) await flipByte(table, 0.4)
}

describe('a mesh of two', () => {
  let ada: NodeProcess
  let bob: NodeProcess
  let wheel = ''

  test('builds something that both hold', async () => {
    ada = node('ada')
    bob = node('bob')
    const { ticket } = await ada.start()
    await bob.start(ticket)
    await connected([ada, bob])
    for (const name of PROJECTS) kit.upstream.publish(name, await fixtureSdist('pure', { name }))
    const { code, stderr } = await ada.command('want', ...PROJECTS, '--wait')
    expect(code, stderr).toBe(0)
    const [file] = (await indexFiles(ada, 'quince')).filter(({ filename }) => filename.endsWith('.whl'))
    wheel = file?.hashes.sha256 ?? ''
    for (const one of [ada, bob]) {
      await expect
        .poll(async () => digestOf(one.url(`/files/${wheel}/${file?.filename}`)), PATIENT)
        .toBe(wheel)
      await expect.poll(() => holds(one, wheel), PATIENT).toBe(true)
    }
  })

  const damages: readonly { readonly id: string; readonly hurt: (dataDir: string) => Promise<void> }[] = [
    { id: 'a flipped manifest', hurt: async (dir) => flipByte(await largestFile(dir, /^MANIFEST/), 0.5) },
    { id: 'a flipped log', hurt: async (dir) => flipByte(await largestFile(dir, /\.log$/), 0.3) },
    { id: 'flipped tables', hurt: flipTables }
  ]
  test.for(damages)('$id: it repairs itself, says so, and comes to the same index', async ({ hurt }) => {
    await bob.stop()
    await hurt(bob.dataDir)
    await bob.start()
    await connected([ada, bob])
    expect((await statusOf(bob)).storage.repair?.found.length).toBeGreaterThan(0)
    expect(bob.log).toContain('the database is damaged; it is repaired now')
    const want = await indexBodies(ada, PROJECTS)
    await expect.poll(() => indexBodies(bob, PROJECTS), PATIENT).toEqual(want)
    await expect.poll(async () => (await statusOf(bob)).storage.missing, PATIENT).toBe(0)
    const heads = async (one: NodeProcess): Promise<number> => (await statusOf(one)).ledger.entries
    await expect.poll(async () => (await heads(ada)) - (await heads(bob)), PATIENT).toBe(0)
  })

  test('verify of a running node finds a rotten file, and gets it again', async () => {
    // After a start that repaired something it looks through its files by itself; now it has no reason to.
    await bob.stop()
    await bob.start()
    await connected([ada, bob])
    await writeFile(blobPath(bob, wheel), 'rot')
    const told = await bob.command('verify', '--json')
    expect(told.code).toBe(1)
    const report = JSON.parse(told.stdout) as VerifyReportView
    expect(report.blobs.bad).toEqual([{ sha256: wheel, done: 'kept' }])
    expect(report.feeds.bad).toEqual([])

    const mended = await bob.command('verify', '--repair', '--json')
    expect(mended.code, mended.stderr).toBe(0)
    expect(JSON.parse(mended.stdout)).toMatchObject({
      blobs: { bad: [{ sha256: wheel, done: 'fetched-again' }] }
    })
    expect((await stat(blobPath(bob, wheel))).size).toBeGreaterThan(100)
    expect((await bob.command('verify')).code).toBe(0)
  })

  test('a table that breaks under a running node: it stops, repairs and goes on in the same process', async () => {
    // Opening brings the log into a table.
    await bob.stop()
    await bob.start()
    await connected([ada, bob])
    await flipTables(bob.dataDir)
    const told = await bob.command('verify', '--repair', '--json')
    expect(told.code, told.stderr).toBe(0)
    expect(JSON.parse(told.stdout)).toMatchObject({ ok: false, ledger: 'repairing' })
    await expect.poll(() => bob.log, PATIENT).toContain('the node goes on after the repair')
    expect(bob.isRunning()).toBe(true)
    // It answers where its commands find it, at another port perhaps.
    await expect
      .poll(async () => {
        const { code, stdout } = await bob.command('status', '--json')
        return code === 0 ? (JSON.parse(stdout) as { peers: { connected: number } }).peers.connected : -1
      }, PATIENT)
      .toBe(1)
    await expect.poll(async () => (await bob.command('verify')).code, PATIENT).toBe(0)
  })

  test('a node moves to a new card in two commands, and writes no second history', async () => {
    const file = join(kit.yard.folder, 'bob.backup')
    const saved = await bob.command('backup', file)
    expect(saved.code, saved.stderr).toBe(0)
    await bob.stop()
    const feeds = (await statusOf(ada)).ledger.feeds
    const card = node('bob-on-a-new-card')
    const restored = await card.command('restore', file)
    expect(restored.code, restored.stderr).toBe(0)
    await card.start()
    expect(card.id).toBe(bob.id)
    await connected([ada, card])
    const { code } = await card.command('want', 'quince==1.0')
    expect(code).toBe(0)
    await expect.poll(async () => (await statusOf(ada)).ledger.feeds, PATIENT).toBe(feeds + 1)
    const want = await indexBodies(ada, PROJECTS)
    await expect.poll(() => indexBodies(card, PROJECTS), PATIENT).toEqual(want)
    expect(ada.log).not.toContain('two histories')
    await Promise.all([ada.stop(), card.stop()])
  })
})
