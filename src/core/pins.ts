import { MAX_PINS_BYTES } from './limits.ts'
import type { FailureClass, ResultRecord } from './record.ts'

/*
 * The build requirements of a job, as the result of one build of it has them in `environment.requirements`: the next builder of
 * the job uses the same, so that it can come to the same bytes.
 */

/** The build did not end for what it was built with; after others, newer requirements may be the cure. */
const NOT_THEIR_FAULT: readonly FailureClass[] = ['resource', 'transient', 'infra']

/** Of the newest result that can lend them; undefined when there is none. */
export function pinsOfResults(results: readonly ResultRecord[]): readonly string[] | undefined {
  const lenders = results.filter(
    ({ failure, environment, builtAs }) =>
      builtAs === undefined &&
      environment.requirements.length > 0 &&
      (failure === undefined || NOT_THEIR_FAULT.includes(failure.class))
  )
  const newest = lenders.reduce<ResultRecord | undefined>(
    (best, one) => (best === undefined || one.startedMs > best.startedMs ? one : best),
    undefined
  )
  return newest?.environment.requirements
}

/** What may go into a message; undefined for nothing, and for what is too much: the next builder then resolves anew. */
export function pinsToTell(lines: readonly string[]): readonly string[] | undefined {
  const bytes = lines.reduce((sum, line) => sum + line.length, 0)
  return lines.length === 0 || bytes > MAX_PINS_BYTES ? undefined : lines
}
