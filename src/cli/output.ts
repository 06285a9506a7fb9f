import type { CliContext } from './cli-context.ts'
import { type Paint, paintFor } from './paint.ts'
import { type Cell, formatTable } from './table.ts'

const PLAIN_WIDTH = 80

/** What a command prints. */
export interface Output {
  readonly paint: Paint
  line(text?: string): void
  /** Nothing when there are no rows. */
  table(titles: readonly string[], rows: readonly (readonly (Cell | string)[])[]): void
  json(value: unknown): void
}

export function outputOf({ stdout, env }: CliContext): Output {
  const paint = paintFor(stdout, env)
  const width = stdout.isTTY ? Math.max(40, stdout.columns) : PLAIN_WIDTH
  const line = (text = ''): void => {
    stdout.write(`${text}\n`)
  }
  return {
    paint,
    line,
    table(titles, rows) {
      if (rows.length > 0) formatTable(titles, rows, { width, paint }).forEach(line)
    },
    json(value) {
      stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
    }
  }
}
