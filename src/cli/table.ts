import { plain } from './words.ts'
import type { Paint, Style } from './paint.ts'

/** One cell: text, and how it looks on a terminal with colours. */
export interface Cell {
  readonly text: string
  readonly style?: Style
}

export interface TableOptions {
  /** Characters of a line. Only the last column is broken to keep it: nothing is cut. */
  readonly width: number
  readonly paint: Paint
}

const GAP = '  '
/** A last column narrower than this is unreadable: it goes below its row instead. */
const MIN_LAST = 30
const INDENT = 4

/** Lines of a plain table, the last column broken at words. */
export function formatTable(
  titles: readonly string[],
  rows: readonly (readonly (Cell | string)[])[],
  { width, paint }: TableOptions
): readonly string[] {
  const cells = rows.map((row) => row.map(cleanCell))
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0))
  )
  const lead = widths.slice(0, -1).reduce((sum, size) => sum + size + GAP.length, 0)
  const head = titles.map((title, column) => title.padEnd(widths[column] ?? 0)).join(GAP)
  const layout: Layout = { widths, lead, width, paint }
  return [paint('dim', head.trimEnd()), ...cells.flatMap((row) => rowLines(row, layout))]
}

interface Layout {
  readonly widths: readonly number[]
  /** Characters before the last column. */
  readonly lead: number
  readonly width: number
  readonly paint: Paint
}

function rowLines(row: readonly Cell[], { widths, lead, width, paint }: Layout): readonly string[] {
  const first = row.slice(0, -1).map((cell, column) => painted(cell, widths[column] ?? 0, paint) + GAP)
  const last = row.at(-1) ?? { text: '' }
  const room = width - lead
  const below = belongsBelow(last.text, room)
  const [head = '', ...rest] = wrapWords(last.text, below ? width - INDENT : room).map((part) =>
    painted({ ...last, text: part }, 0, paint)
  )
  const start = first.join('')
  if (below) return [start.trimEnd(), ...[head, ...rest].map((part) => ' '.repeat(INDENT) + part)]
  return [(start + head).trimEnd(), ...rest.map((part) => ' '.repeat(lead) + part)]
}

/** Where wrapping would leave a thin strip, or break a word in two. */
function belongsBelow(text: string, room: number): boolean {
  return text.length > room && (room < MIN_LAST || text.split(' ').some((word) => word.length > room))
}

function painted({ text, style }: Cell, size: number, paint: Paint): string {
  const space = ' '.repeat(Math.max(0, size - text.length))
  return (style === undefined ? text : paint(style, text)) + space
}

function cleanCell(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: plain(cell) } : { ...cell, text: plain(cell.text) }
}

/** Breaks at spaces; a word longer than a line is broken where the line ends. At least one line. */
export function wrapWords(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((part) => pieces(part, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

function pieces(word: string, width: number): readonly string[] {
  const found: string[] = []
  for (let at = 0; at < word.length; at += width) found.push(word.slice(at, at + width))
  return found
}
