import { CommanderError } from 'commander'
import type { CliContext } from './cli-context.ts'
import { CliError } from './cli-error.ts'
import { INTERRUPTED, WRONG_USAGE, endingOf } from './ending.ts'
import { paintFor } from './paint.ts'
import { createProgram } from './program.ts'

const DONE = 0

/** Runs one command line (without `node` and the script) and tells the exit code. Never rejects. */
export async function runCli(words: readonly string[], context: CliContext): Promise<number> {
  try {
    await createProgram(context).parseAsync([...words], { from: 'user' })
    return DONE
  } catch (error) {
    // Commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return endOfHelp(error)
    const { message, hint, code } =
      context.signal.aborted && !(error instanceof CliError) ? INTERRUPTED : endingOf(error)
    const paint = paintFor(context.stderr, context.env)
    context.stderr.write(`${paint('red', 'commonwheel:')} ${message}\n`)
    if (hint !== '') context.stderr.write(`  ${hint}\n`)
    if (words.includes('--debug')) context.stderr.write(`${stackOf(error)}\n`)
    return code
  }
}

function endOfHelp({ exitCode }: CommanderError): number {
  // `commonwheel` alone prints the help as an error.
  return exitCode === 0 ? DONE : WRONG_USAGE
}

/** With what caused it, and that. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`
}
