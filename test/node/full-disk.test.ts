import { execFileSync } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { EntryStore, StoredEntry } from '../../src/core/ports.ts'
import { StorageWatch } from '../../src/node/heal-storage.ts'
import type { OpenedStorage } from '../../src/node/open-storage.ts'
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts'
import { settledOwnFeed } from '../../src/ledger/own-feed.ts'
import { collect } from '../support/collect.ts'
import {
  FEED_INCARNATION,
  feedCodec,
  GENESIS,
  openFeeds,
  SELF,
  signedEntries
} from '../support/feed-folder.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aWant } from '../support/make-record.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

/** Only root mounts; elsewhere `test/storage/entry-store.test.ts` shows the same with a database that fails on demand. */
const mayMount = process.getuid?.() === 0 && tryMount()

function tryMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const DISK_MIB = 40

/** A file system of its own, so small that it can be filled. */
async function smallDisk(): Promise<string> {
  const folder = join(await tempFolder(), 'disk')
  await mkdir(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'commonwheel-test', folder])
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  return folder
}

async function fillUp(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  await writeFile(join(folder, 'filler'), new Uint8Array(bavail * bsize))
}

interface Running extends OpenedStorage {
  readonly clock: FakeClock
  readonly ledger: Ledger
  readonly watch: StorageWatch
}

async function runOn(folder: string): Promise<Running> {
  const storage = await openFeeds(folder)
  const clock = new FakeClock()
  const ledger = createLedger(
    {
      store: storage.entries,
      clock,
      log: silentLog,
      codec: feedCodec(),
      bus: { publish: async () => 0 },
      wasAdmitted: () => true,
      ownFeed: settledOwnFeed(FEED_INCARNATION)
    },
    { meshId: GENESIS.meshId, self: SELF }
  )
  await ledger.load()
  const watch = new StorageWatch({
    ...storage,
    dataDir: folder,
    self: SELF,
    clock,
    log: silentLog,
    heads: () => ledger.heads()
  })
  watch.start()
  return { ...storage, clock, ledger, watch }
}

const others = signedEntries('other', { fromSeq: 1, count: 40, bytes: 900 })

async function othersIn(entries: EntryStore): Promise<readonly StoredEntry[]> {
  return collect(entries.range({ node: signerOf('other').nodeId, incarnation: FEED_INCARNATION }, 1))
}

test.runIf(mayMount)(
  'a full disk: reading goes on, own records wait, and go through when space is back',
  async () => {
    const folder = await smallDisk()
    const { ledger, clock, watch, entries, database } = await runOn(folder)
    await Promise.all([ledger.append(aWant()), clock.advance(1_000)])
    await ledger.admitRange(others.slice(0, 20).map(({ bytes }) => bytes))
    await fillUp(folder)

    // What others wrote is refused at once: sync asks for it again.
    await expect(untilRefused(ledger)).resolves.toContain('STORAGE_FULL')
    const done: string[] = []
    const own = ledger.append(aWant({ createdMs: 1 })).then(() => done.push('own'))
    await clock.advance(60_000)
    expect(done).toEqual([])
    expect(watch.view()).toMatchObject({
      writable: false,
      trouble: expect.stringContaining('free some space') as string
    })
    expect(ledger.isWritable()).toBe(false)
    expect((await othersIn(entries)).length).toBeGreaterThanOrEqual(20)

    await rm(join(folder, 'filler'))
    await clock.advance(10_000)
    await own
    expect(done).toEqual(['own'])
    expect(watch.view()).toMatchObject({ writable: true })
    const left = others.slice((await othersIn(entries)).length).map(({ bytes }) => bytes)
    expect(await ledger.admitRange(left)).toEqual({ kind: 'accepted' })
    await ledger.stop()
    await watch.stop()
    await database.close()

    const again = await openFeeds(folder)
    expect(again.repair).toBeUndefined()
    expect((await again.entries.heads()).map(({ seq }) => seq).sort((a, b) => a - b)).toEqual([2, 40])
    await again.database.close()
  }
)

/** Virtual time goes by, five seconds at a time, while the disk does what it does in real time. */
async function passing(clock: FakeClock, isSo: () => boolean): Promise<void> {
  await expect
    .poll(async () => {
      await clock.advance(5_000)
      return isSo()
    })
    .toBe(true)
}

/** LevelDB has room in its own buffers for a while. */
async function untilRefused(ledger: Ledger): Promise<string> {
  for (const { bytes } of others) {
    const refusal = await ledger.admit(bytes).then(
      () => undefined,
      (error: unknown) => String(error)
    )
    if (refusal !== undefined) return refusal
  }
  return 'never'
}

test.runIf(mayMount)('a file system that turns read-only, and back', async () => {
  const folder = await smallDisk()
  const { ledger, clock, watch, database } = await runOn(folder)
  await Promise.all([ledger.append(aWant()), clock.advance(1_000)])
  // Files that are open for writing keep a file system from turning read-only: this one is closed under LevelDB's feet.
  await database.level.close()
  execFileSync('mount', ['-o', 'remount,ro', folder])
  const done: string[] = []
  const own = ledger.append(aWant({ createdMs: 1 })).then(() => done.push('own'))
  await passing(clock, () => watch.view().trouble?.includes('read-only') === true)
  expect(done).toEqual([])
  expect(watch.view().writable).toBe(false)
  execFileSync('mount', ['-o', 'remount,rw', folder])
  await passing(clock, () => done.length > 0)
  await own
  expect(watch.view().writable).toBe(true)
  await ledger.stop()
  await watch.stop()
  await database.close()
})

test.runIf(mayMount)('a node that stops on a full disk says what it could not write', async () => {
  const folder = await smallDisk()
  const { ledger, clock, watch, database } = await runOn(folder)
  await fillUp(folder)
  expect(await untilRefused(ledger)).toContain('STORAGE_FULL')
  const own = ledger.append(aWant()).catch((error: unknown) => String(error))
  await clock.advance(1_000)
  await ledger.stop().catch(() => undefined)
  expect(await own).toContain('STORAGE_FULL')
  await watch.stop()
  await database.close()
})
