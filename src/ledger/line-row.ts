import type { RowArena } from './row-arena.ts'

const LINE_FEED = 10
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The bytes of a text; nearly all in rows are ASCII, where a loop is quicker than the platform's encoder. */
export function textBytes(text: string, arena?: RowArena): Uint8Array {
  const bytes = arena?.take(text.length) ?? new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 127) return encoder.encode(text)
    bytes[at] = code
  }
  return bytes
}

export function bytesText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** The items of a list in a row. */
export function linesOf(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split('\n')
}

/** A row that is a list, with one line more: lines in the order of their bytes, each once. The same row when it is there already. */
export function insertLine(row: Uint8Array | undefined, line: Uint8Array): Uint8Array {
  if (row === undefined || row.byteLength === 0) return line
  let at = 0
  while (at < row.byteLength) {
    const end = endOfLine(row, at)
    const order = compare(row, { at, end }, line)
    if (order === 0) return row
    if (order > 0) break
    at = end + 1
  }
  const bytes = new Uint8Array(row.byteLength + 1 + line.byteLength)
  if (at >= row.byteLength) {
    bytes.set(row)
    bytes[row.byteLength] = LINE_FEED
    bytes.set(line, row.byteLength + 1)
    return bytes
  }
  bytes.set(row.subarray(0, at))
  bytes.set(line, at)
  bytes[at + line.byteLength] = LINE_FEED
  bytes.set(row.subarray(at), at + line.byteLength + 1)
  return bytes
}

function endOfLine(row: Uint8Array, from: number): number {
  const end = row.indexOf(LINE_FEED, from)
  return end < 0 ? row.byteLength : end
}

function compare(row: Uint8Array, { at, end }: { at: number; end: number }, line: Uint8Array): number {
  const length = Math.min(end - at, line.byteLength)
  for (let index = 0; index < length; index++) {
    const order = (row[at + index] ?? 0) - (line[index] ?? 0)
    if (order !== 0) return order
  }
  return end - at - line.byteLength
}
