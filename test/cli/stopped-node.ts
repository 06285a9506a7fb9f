import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { saveMembership } from '../../src/node/mesh-files.ts'
import { createBlobStore } from '../../src/storage/blob-store.ts'
import { blobFolder } from '../../src/storage/keys.ts'
import { createSmallState } from '../../src/storage/small-state.ts'
import { collect } from '../support/collect.ts'
import { FEED_INCARNATION, GENESIS, openFeeds, signedEntries } from '../support/feed-folder.ts'
import { seedOf, signerOf } from '../support/fixture-keys.ts'
import { tempFolder } from './cli-fixtures.ts'

export const own = signedEntries('self', { fromSeq: 1, count: 60 })
const others = signedEntries('other', { fromSeq: 1, count: 1_500 })

export interface StoppedNode {
  readonly folder: string
  /** Where its only file lies, here or in a copy of the folder. */
  readonly blobPath: (root?: string) => string
  readonly blob: string
}

/** A node that was stopped: key, membership, two feeds, one file. */
export async function aStoppedNode(): Promise<StoppedNode> {
  const folder = await tempFolder()
  await writeFile(join(folder, 'node.key'), `${Buffer.from(seedOf('self')).toString('hex')}\n`, {
    mode: 0o600
  })
  await saveMembership(folder, { genesis: GENESIS, sponsors: ['/ip4/10.0.0.2/tcp/4710'] })
  await writeFile(join(folder, 'config.json'), '{ "name": "pi-kitchen" }')
  const { database, entries } = await openFeeds(folder)
  await createSmallState(database).put('incarnation', new TextEncoder().encode(FEED_INCARNATION), {
    sync: true
  })
  await entries.append([...own, ...others], { sync: true })
  await database.close()
  // Opening brings the log into a table.
  await (await openFeeds(folder)).database.close()
  const store = await createBlobStore(blobFolder(folder), {
    random: { float: () => 0.5, bytes: randomBytes }
  })
  const { digest: blob } = await store.write(bytesOf('the bytes of a wheel'))
  const blobPath = (root = folder): string => join(blobFolder(root), blob.slice(0, 2), blob.slice(2, 4), blob)
  return { folder, blob, blobPath }
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

/** How many entries of both feeds a folder holds, and under which incarnation its node would write. */
export async function contentOf(
  root: string
): Promise<{ own: number; others: number; incarnation: boolean }> {
  const { database, entries } = await openFeeds(root)
  const count = async (name: string): Promise<number> =>
    (await collect(entries.range({ node: signerOf(name).nodeId, incarnation: FEED_INCARNATION }, 1))).length
  const found = {
    own: await count('self'),
    others: await count('other'),
    incarnation: (await createSmallState(database).get('incarnation')) !== undefined
  }
  await database.close()
  return found
}

export async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

export async function* noEvents(): AsyncGenerator<never> {
  // Nothing to say.
}
