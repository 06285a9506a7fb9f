import { execFile } from 'node:child_process'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { getuid } from 'node:process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { WantView } from '../../src/http/api-types.ts'
import { freeListen } from '../support/free-listen.ts'
import { statusOf } from '../support/mesh-views.ts'
import { postWant } from '../support/post-want.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, useE2e } from './e2e-kit.ts'

/*
 * A power cut: the node's data folder is a file system in an image file, and the image is copied while the node writes. The copy has
 * what the kernel had given to the disk by then and nothing else, as a card has whose plug was pulled; mounting it replays the journal.
 */

const run = promisify(execFile)
const kit = useE2e()
const IMAGE_MIB = 256
/** Wants that are on the disk before the cut; writing goes on through it. */
const ENOUGH = 30

/** Why this machine cannot do it; undefined when it can. */
async function obstacle(): Promise<string | undefined> {
  if (getuid?.() !== 0) return 'only root may mount file systems'
  const tried = join(kit.yard.folder, 'tried')
  try {
    await makeImage(`${tried}.img`)
    await mkdir(tried)
    await run('mount', ['-o', 'loop', `${tried}.img`, tried])
    await run('umount', [tried])
    return undefined
  } catch (error) {
    return `no file system can be mounted from an image here: ${String(error)}`
  } finally {
    await rm(`${tried}.img`, { force: true })
  }
}

async function makeImage(path: string): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(IMAGE_MIB * 1024 * 1024)
  await file.close()
  await run('mkfs.ext4', ['-q', '-F', path])
}

async function mount(image: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await run('mount', ['-o', 'loop', image, folder])
}

async function wantsOf(node: NodeProcess): Promise<readonly string[]> {
  return (await node.api<readonly WantView[]>('/api/v1/wants')).map(({ id }) => id)
}

/** Asks one thing after the other, as fast as the disk takes them, until told to stop; keeps what was acknowledged. */
function keepAsking(node: NodeProcess, acknowledged: string[]): () => Promise<void> {
  let goesOn = true
  const asker = async (name: string): Promise<void> => {
    for (let at = 0; goesOn; at++) {
      const id = await postWant(node, `${name}-${at}`).catch(() => undefined)
      if (id !== undefined) acknowledged.push(id)
    }
  }
  const work = Promise.all(['one', 'two', 'three'].map(asker))
  return async () => {
    goesOn = false
    await work
  }
}

describe('the power goes while a node writes', () => {
  test('nothing that it acknowledged is missing, and it comes together with its peer again without a fork', async ({
    skip
  }) => {
    const reason = await obstacle()
    if (reason !== undefined) skip(`no power cut was tried: ${reason}`)
    const settings = { roles: ['index'] }
    const ada = kit.yard.node('ada', { settings, listen: await freeListen() })
    const bob = kit.yard.node('bob', { settings, listen: await freeListen() })
    const [before, after] = ['before.img', 'after.img'].map((name) => join(kit.yard.folder, name)) as [
      string,
      string
    ]
    await makeImage(before)
    await mount(before, ada.dataDir)
    onTestFinished(async () => {
      await ada.kill()
      await run('umount', [ada.dataDir]).catch(() => undefined)
    })
    const { ticket } = await ada.start()
    await bob.start(ticket)
    await connected([ada, bob])

    const acknowledged: string[] = []
    const stop = keepAsking(ada, acknowledged)
    await expect.poll(() => acknowledged.length, { ...PATIENT, interval: 20 }).toBeGreaterThan(ENOUGH)
    // Standing still it sends no acknowledgement that the copy does not know of; all that it had in memory is lost to the copy.
    process.kill(ada.pid, 'SIGSTOP')
    await sleep(200)
    const promised = [...acknowledged]
    await run('cp', ['--sparse=always', before, after])
    await ada.kill()
    await stop()
    await run('umount', [ada.dataDir])
    await rm(before)
    await mount(after, ada.dataDir)

    // Alone: what it has now it has from its own disk.
    await bob.kill()
    await ada.start()
    expect(await wantsOf(ada)).toEqual(expect.arrayContaining(promised))
    await bob.start()
    await connected([ada, bob])
    const last = await postWant(ada, 'after-the-cut')
    for (const node of [ada, bob])
      await expect.poll(() => wantsOf(node), PATIENT).toEqual(expect.arrayContaining([...promised, last]))
    const ledgerOf = async (node: NodeProcess): Promise<unknown> => (await statusOf(node)).ledger
    await expect
      .poll(async () => JSON.stringify(await ledgerOf(ada)) === JSON.stringify(await ledgerOf(bob)), PATIENT)
      .toBe(true)
    for (const { log } of [ada, bob]) expect(log).not.toContain('signed two histories')
    expect(await readFile(join(ada.dataDir, 'ledger.made'), 'utf8')).toContain('schema')
    await Promise.all([ada.stop(), bob.stop()])
  })
})
