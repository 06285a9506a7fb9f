import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { checkDatabaseFiles } from '../../storage/check-database-files.ts'
import { readDamageMark } from '../../storage/damage-mark.ts'
import { blobPaths } from '../../storage/blob-paths.ts'
import { listBlobs } from '../../storage/blob-store.ts'
import { lockHolder } from '../../storage/lock-holder.ts'
import { blobFolder, databaseFolder } from '../../storage/keys.ts'
import { type Check, failure, ok, skipped, warning } from './check.ts'

/** A look, no proof: `verify` reads everything. */
const SAMPLE_BLOBS = 20
const SAMPLE_BYTES = 64 * 1024 ** 2

export const database: Check = {
  id: 'database',
  title: 'database',
  why: 'LevelDB loses records without a word when one of its files breaks.',
  async run({ config: { dataDir }, node }) {
    if (!existsSync(databaseFolder(dataDir))) return skipped('there is none yet')
    const storage = node?.status.storage
    if (storage?.damage !== undefined) return failure(storage.damage, 'commonwheel verify --repair')
    const marked = await readDamageMark(dataDir)
    // The files of a database in use change while they are looked at.
    const inUse = (await lockHolder(databaseFolder(dataDir))) !== undefined
    const found = inUse ? [] : await checkDatabaseFiles(dataDir)
    if (marked !== undefined || found.length > 0) {
      const words = [
        ...(marked === undefined ? [] : [marked]),
        ...found.map(({ file, problem }) => `${file}: ${problem}`)
      ]
      return failure(words.join('; '), 'commonwheel join repairs it by itself when it starts')
    }
    const missing = storage?.missing ?? 0
    if (missing === 0) return ok('nothing to see from outside; `commonwheel verify` reads all of it')
    return warning(
      `${missing} entries that it once held have not come back yet`,
      'connect it with the other members: they have them'
    )
  }
}

export const blobs: Check = {
  id: 'blobs',
  title: 'files',
  why: 'Cards forget; a wheel with one wrong bit is refused by pip.',
  async run({ config: { dataDir }, signal }) {
    const paths = blobPaths(blobFolder(dataDir))
    if (!existsSync(paths.root)) return skipped('there are none yet')
    let [looked, bytes] = [0, 0]
    for await (const { digest, size } of listBlobs(paths)) {
      signal.throwIfAborted()
      if (looked >= SAMPLE_BLOBS || bytes + size > SAMPLE_BYTES) break
      looked += 1
      bytes += size
      const hash = createHash('sha256')
      try {
        for await (const chunk of createReadStream(paths.blob(digest))) hash.update(chunk as Uint8Array)
      } catch {
        // Gone to make room.
        continue
      }
      if (hash.digest('hex') !== digest)
        return failure(`${digest} has other bytes than its name says`, 'commonwheel verify --repair')
    }
    return ok(`${looked} of them looked at; \`commonwheel verify\` reads all of them`)
  }
}
