import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkLogFile } from '../../src/storage/check-log-file.ts'
import { checkTable, checkTableEnd } from '../../src/storage/check-table-file.ts'
import { crc32c } from '../../src/storage/crc32c.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { readManifest } from '../../src/storage/read-manifest.ts'
import { unpackSnappy } from '../../src/storage/snappy.ts'
import { largestFile } from '../support/feed-folder.ts'
import { aFeed, someStoredEntries } from '../support/make-entry.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('CRC-32C: the value of RFC 3720, in one go or in two', () => {
  const bytes = new TextEncoder().encode('123456789')
  expect(crc32c(bytes)).toBe(0xe3069283)
  expect(crc32c(bytes.subarray(4), crc32c(bytes.subarray(0, 4)))).toBe(0xe3069283)
})

describe('snappy', () => {
  const unpack = (...bytes: number[]): string =>
    new TextDecoder().decode(unpackSnappy(Uint8Array.from(bytes), 1_000))

  test('literals, copies, and a run that overlaps itself', () => {
    expect(unpack(3, 2 << 2, 97, 98, 99)).toBe('abc')
    // "ab", then 6 bytes from 2 before.
    expect(unpack(8, 1 << 2, 97, 98, ((6 - 4) << 2) | 1, 2)).toBe('abababab')
    expect(unpack(5, 0, 97, ((4 - 1) << 2) | 2, 1, 0)).toBe('aaaaa')
  })

  const broken: readonly { readonly id: string; readonly bytes: readonly number[] }[] = [
    { id: 'less than it says', bytes: [9, 2 << 2, 97, 98, 99] },
    { id: 'more than it says', bytes: [2, 2 << 2, 97, 98, 99] },
    { id: 'a literal that ends in the middle', bytes: [3, 2 << 2, 97] },
    { id: 'a copy from before the beginning', bytes: [4, 1, 9] },
    { id: 'far too much', bytes: [0xff, 0xff, 0xff, 0x7f] },
    { id: 'nothing at all', bytes: [] }
  ]
  test.for(broken)('$id is refused', ({ bytes }) => {
    expect(() => unpack(...bytes)).toThrow(RangeError)
  })
})

let folder = ''
let table = ''
let log = ''
let manifest = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'commonwheel-test-'))
  const database = await openDatabase(folder)
  await (await createEntryStore(database)).append(someStoredEntries(aFeed('a'), 1, 3_000), { sync: true })
  await database.close()
  const again = await openDatabase(folder)
  await (await createEntryStore(again)).append(someStoredEntries(aFeed('a'), 3_001, 3_900), { sync: true })
  await again.close()
  table = await largestFile(folder, /\.ldb$/)
  log = await largestFile(folder, /\.log$/)
  manifest = await largestFile(folder, /^MANIFEST/)
})

afterAll(() => rm(folder, { recursive: true }))

const nothing = async (): Promise<void> => undefined

/** A copy with one bit turned over. */
async function flipped(path: string, at: number, bytes: Buffer): Promise<string> {
  const copy = join(await scratch(), 'copy')
  await copyFile(path, copy)
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
  await writeFile(copy, changed)
  return copy
}

let folderOfCopies: Promise<string> | undefined
const scratch = (): Promise<string> => (folderOfCopies ??= tempFolder())

/** Spread over the file, the first and the last bytes among them. */
function places(length: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((index * (length - 1)) / (count - 1)))
}

test('what LevelDB wrote is whole: table, log and manifest', async () => {
  expect(await checkTable(table, nothing)).toBeUndefined()
  expect(await checkTableEnd(table)).toBeUndefined()
  expect(await checkLogFile(log)).toEqual({ kind: 'whole' })
  const { ending, tables, logNumber } = await readManifest(manifest)
  expect(ending).toEqual({ kind: 'whole' })
  expect([...tables.keys()].some((number) => table.includes(String(number).padStart(6, '0')))).toBe(true)
  expect(log).toContain(String(logNumber).padStart(6, '0'))
})

test('every single flipped bit of a table is found, but in the zeros that fill its footer', async () => {
  folderOfCopies = undefined
  const bytes = await readFile(table)
  const missed: number[] = []
  for (const at of places(bytes.byteLength, 150)) {
    const problem = await checkTable(await flipped(table, at, bytes), nothing)
    if (problem === undefined) missed.push(bytes.byteLength - at)
  }
  // Counted from the end: the footer is 48 bytes, of which two short numbers and the magic at its end mean something.
  expect(missed.filter((fromEnd) => fromEnd > 48 || fromEnd <= 8)).toEqual([])
})

test('every single flipped bit of a log is found', async () => {
  folderOfCopies = undefined
  const bytes = await readFile(log)
  const whole: number[] = []
  for (const at of places(bytes.byteLength, 150)) {
    if ((await checkLogFile(await flipped(log, at, bytes))).kind === 'whole') whole.push(at)
  }
  expect(whole).toEqual([])
})

test('a log that ends in the middle of a record is torn, wherever that is, and never damaged', async () => {
  folderOfCopies = undefined
  const bytes = await readFile(log)
  const copy = join(await scratch(), 'torn')
  for (const length of places(bytes.byteLength, 60)) {
    await writeFile(copy, bytes.subarray(0, length))
    expect((await checkLogFile(copy)).kind, String(length)).not.toBe('damaged')
  }
})

test('a cut table is found at a glance', async () => {
  folderOfCopies = undefined
  const bytes = await readFile(table)
  const copy = join(await scratch(), 'cut')
  for (const length of places(bytes.byteLength - 1, 20)) {
    await writeFile(copy, bytes.subarray(0, length))
    expect(await checkTableEnd(copy), String(length)).toBeDefined()
  }
})
