import { once } from 'node:events'
import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Level } from 'level'
import { LEVEL_OPTIONS, openDatabase } from '../src/storage/open-database.ts'

/* What bench/sync.bench.ts compares a cold sync with: LevelDB alone, taking in the same keys and values. */

export interface LocalFigures {
  readonly ms: number
  /** CPU time of the process meanwhile, LevelDB's own threads included. */
  readonly cpuMs: number
  readonly keys: number
  readonly bytes: number
}

export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** MiB of memory of this process; mapped files, LevelDB's tables above all, are the system's to take back. */
export function ownMemoryMiB(): number {
  const kib = /RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return Number(kib) / 1024
}

const BATCH_BYTES = 256 * 1024

/**
 * The same keys and values into a fresh LevelDB with the same options, one batch of about a page after the other: entries in their
 * order, the other rows in a random one between them, as results come. They are laid out in a file first; the clock runs from its
 * first byte to the end of the last batch, without a pause in which LevelDB could catch up.
 */
export async function writeLocally({
  dataDir,
  copyDir
}: {
  readonly dataDir: string
  readonly copyDir: string
}): Promise<LocalFigures> {
  const rowsFile = `${copyDir}.rows`
  const keys = await layOut(dataDir, rowsFile)
  const copy = new Level<string, Uint8Array>(copyDir, { ...LEVEL_OPTIONS, valueEncoding: 'view' })
  await copy.open()
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()]
  const bytes = await writeRows(rowsFile, copy)
  const [ms, cpuMs] = [performance.now() - startMs, cpuMsSince(startCpu)]
  await copy.close()
  await rm(rowsFile)
  return { ms, cpuMs, keys, bytes }
}

/** Every key and value of a database into a file: lengths (4 bytes each), key, value. Returns how many. */
async function layOut(dataDir: string, file: string): Promise<number> {
  const database = await openDatabase(dataDir)
  const [entryKeys, rowKeys] = [[] as string[], [] as string[]]
  for await (const key of database.level.keys({ keyEncoding: 'utf8' })) {
    ;(key.startsWith('!entries!') ? entryKeys : rowKeys).push(key)
  }
  const keys = mixed(entryKeys, shuffled(rowKeys))
  const out = createWriteStream(file)
  for (let at = 0; at < keys.length; at += 256) {
    const some = keys.slice(at, at + 256)
    const values = await database.level.getMany(some, { keyEncoding: 'utf8', valueEncoding: 'view' })
    const rows = some.flatMap((key, index) => rowBytes(key, values[index] ?? new Uint8Array()))
    if (!out.write(Buffer.concat(rows))) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  await database.close()
  return keys.length
}

function rowBytes(key: string, value: Uint8Array): readonly Uint8Array[] {
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(key.length)
  lengths.writeUInt32BE(value.byteLength, 4)
  return [lengths, Buffer.from(key), value]
}

async function writeRows(file: string, copy: Level<string, Uint8Array>): Promise<number> {
  let [bytes, group, left] = [0, 0, Buffer.alloc(0)]
  let batch = copy.batch()
  for await (const read of createReadStream(file, { highWaterMark: BATCH_BYTES })) {
    const chunk = Buffer.concat([left, read as Uint8Array])
    let at = 0
    for (;;) {
      const end = endOfRow(chunk, at)
      if (end === undefined) break
      const valueAt = at + 8 + chunk.readUInt32BE(at)
      batch.put(chunk.toString('latin1', at + 8, valueAt), chunk.subarray(valueAt, end))
      group += end - valueAt
      bytes += end - valueAt
      at = end
      if (group < BATCH_BYTES) continue
      await batch.write()
      ;[batch, group] = [copy.batch(), 0]
    }
    left = chunk.subarray(at)
  }
  await batch.write()
  return bytes
}

/** Where the row at a place ends; undefined when the rest of it is not there yet. */
function endOfRow(chunk: Buffer, at: number): number | undefined {
  if (chunk.byteLength < at + 8) return undefined
  const end = at + 8 + chunk.readUInt32BE(at) + chunk.readUInt32BE(at + 4)
  return end <= chunk.byteLength ? end : undefined
}

function shuffled(keys: readonly string[]): readonly string[] {
  const list = [...keys]
  let state = 1
  for (let at = list.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = state % (at + 1)
    ;[list[at], list[other]] = [list[other] ?? '', list[at] ?? '']
  }
  return list
}

/** Both lists in their order, evenly through one another. */
function mixed(few: readonly string[], many: readonly string[]): readonly string[] {
  const each = many.length / Math.max(few.length, 1)
  return [
    ...few.flatMap((key, index) => [
      key,
      ...many.slice(Math.floor(index * each), Math.floor((index + 1) * each))
    ]),
    ...many.slice(Math.floor(few.length * each))
  ]
}
