import { ConfigError } from '../config/config-error.ts'
import { CodedError, messageOf } from '../core/errors.ts'
import { CliError, type CliErrorCode } from './cli-error.ts'

const FAILED = 1
export const WRONG_USAGE = 2
/** What a program ended by Ctrl-C leaves in a shell. */
export const EXIT_INTERRUPTED = 130

/** What a person reads when a command fails. */
export interface Ending {
  /** One line. */
  readonly message: string
  /** What to do; `''` when nothing can be said. */
  readonly hint: string
  readonly code: number
}

export const INTERRUPTED: Ending = { message: 'interrupted', hint: '', code: FAILED }

const CODES: Partial<Readonly<Record<CliErrorCode, number>>> = {
  USAGE: WRONG_USAGE,
  INTERRUPTED: EXIT_INTERRUPTED
}

export function endingOf(error: unknown): Ending {
  if (error instanceof CliError) {
    const { message, hint, code } = error.detail
    return { message, hint, code: CODES[code] ?? FAILED }
  }
  if (error instanceof ConfigError) {
    const { source, problem, hint } = error.detail
    return { message: `${source}: ${problem}`, hint, code: WRONG_USAGE }
  }
  if (error instanceof CodedError)
    return endingOfCoded(error.detail as CodedError<{ readonly code: string }>['detail'])
  return { message: firstLine(messageOf(error)), hint: hintOf(error), code: FAILED }
}

/** `NODE_ALREADY_MEMBER` and its facts as words; `cure` is what to do about it. */
function endingOfCoded({ code, ...facts }: { readonly code: string }): Ending {
  const { cure = '', ...rest } = facts as Readonly<Record<string, unknown>>
  const words = code.toLowerCase().replaceAll('_', ' ')
  const told = Object.entries(rest).map(([name, value]) => `${name}: ${String(value)}`)
  const message = told.length === 0 ? words : `${words} (${told.join('; ')})`
  return { message: firstLine(message), hint: String(cure), code: FAILED }
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has that port: choose another one with --http HOST:PORT or --listen MULTIADDR',
  EACCES: 'run it as the user who owns the data folder, or name another folder with --data DIR',
  ENOSPC: 'the disk is full'
}

/** Of the error of the platform that lies at the bottom of it. */
function hintOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const hint = HINTS[(at as NodeJS.ErrnoException).code ?? '']
    if (hint !== undefined) return hint
  }
  return ''
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text
}
