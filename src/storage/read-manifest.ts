import { checkLogFile, PART, type LogEnding } from './check-log-file.ts'
import { readVarint } from './varint.ts'

/** What a manifest of LevelDB says belongs to the database (db/version_edit.cc). */
export interface Manifest {
  readonly ending: LogEnding
  /** Number and size of each table in use. */
  readonly tables: ReadonlyMap<number, number>
  /** The oldest log that is still needed. */
  readonly logNumber: number
}

const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLogNumber: 9
} as const

/** Reads it to its end, or to where it is broken. Throws a RangeError for a record that is whole and makes no sense. */
export async function readManifest(path: string): Promise<Manifest> {
  const tables = new Map<number, number>()
  const found = { logNumber: 0 }
  let parts: number[] = []
  const ending = await checkLogFile(path, (part, type) => {
    if (type === PART.full || type === PART.first) parts = []
    for (const byte of part) parts.push(byte)
    if (type === PART.full || type === PART.last) applyEdit(Uint8Array.from(parts), tables, found)
  })
  return { ending, tables, logNumber: found.logNumber }
}

/** One change of the set of files. */
function applyEdit(edit: Uint8Array, tables: Map<number, number>, found: { logNumber: number }): void {
  const reader = new EditReader(edit)
  while (!reader.atEnd()) {
    const tag = reader.number()
    if (tag === TAG.logNumber) found.logNumber = reader.number()
    else if (tag === TAG.newFile) addTable(reader, tables)
    else if (tag === TAG.deletedFile) {
      reader.number()
      tables.delete(reader.number())
    } else passOver(reader, tag)
  }
}

/** Level, number, size, smallest and largest key. */
function addTable(reader: EditReader, tables: Map<number, number>): void {
  reader.number()
  const number = reader.number()
  tables.set(number, reader.number())
  reader.text()
  reader.text()
}

function passOver(reader: EditReader, tag: number): void {
  if (tag === TAG.comparator) reader.text()
  else if (tag === TAG.nextFile || tag === TAG.lastSequence || tag === TAG.previousLogNumber) reader.number()
  else if (tag === TAG.compactPointer) {
    reader.number()
    reader.text()
  } else throw new RangeError(`a manifest has no field ${tag}`)
}

class EditReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.byteLength
  }

  number(): number {
    const [value, next] = readVarint(this.#bytes, this.#at)
    this.#at = next
    return value
  }

  /** Passes over bytes with their length in front. */
  text(): void {
    const length = this.number()
    if (this.#at + length > this.#bytes.byteLength) throw new RangeError('a manifest ends in the middle')
    this.#at += length
  }
}
