import type { BatchView } from '../http/api-types.ts'
import { cliError } from './cli-error.ts'
import { countOf, plain } from './words.ts'

/** What `--batch` and `--atomic` come to; throws a usage error. */
export function readBatch({ batch, atomic }: { readonly batch?: true; readonly atomic?: true }): {
  readonly batch: boolean
  readonly atomic: boolean
} {
  if (atomic === true && batch !== true)
    throw cliError('USAGE', '--atomic: only a batch can be listed all at once', 'add --batch')
  return { batch: batch === true, atomic: atomic === true }
}

/** Failing jobs that one line names. */
const NAMED = 3

/** How far a batch is, in one line. */
export function batchLine({ round, state, failing, failingJobs }: BatchView): string {
  const where = state === 'gathering' ? 'gathering' : `round ${round}`
  const over = state === 'stopped' || state === 'done' ? `, ${state}` : ''
  if (failing === 0) return `batch  ${where}${over}`
  const named = failingJobs.slice(0, NAMED).map(plain)
  const more = failing > named.length ? ['…'] : []
  return `batch  ${where}${over}, ${failing} failing: ${[...named, ...more].join(', ')}`
}

/** How it ended, for the end of a want that was waited for. */
export function batchEnd({ round, state, failing }: BatchView): string {
  const rounds = countOf(round, 'round')
  if (state !== 'stopped') return `the batch is done after ${rounds}`
  return `the batch stopped after ${rounds}: the same ${countOf(failing, 'job')} failed twice in a row`
}
