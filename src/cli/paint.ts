import { styleText } from 'node:util'
import type { CliContext, Terminal } from './cli-context.ts'

export type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim'
export type Paint = (style: Style, text: string) => string

/** Colours for a terminal that has them, unless the person wants none (no-color.org). */
export function paintFor(terminal: Terminal, env: CliContext['env']): Paint {
  const noColor = env['NO_COLOR'] ?? ''
  if (!terminal.isTTY || noColor !== '' || env['TERM'] === 'dumb') return (_style, text) => text
  return (style, text) => styleText(style, text, { validateStream: false })
}
