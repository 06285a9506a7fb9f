import type { JobId } from '../core/ids.ts'
import { jobParts } from '../core/job.ts'
import { targetOfJob } from '../core/shard.ts'
import { finishedMs, type ResultFact, type Results } from '../ledger/results.ts'

/** Versions of a project that are looked at, and the newest results of these that count. */
const VERSIONS_SEEN = 10
const RESULTS_SEEN = 5

/**
 * How long a job will take, by what its project took before: the middle one of its newest results on this target, else on any. Other
 * machines are faster or slower; it is a guess, in milliseconds. Undefined: the project was never built.
 */
export function expectedMs(
  results: Pick<Results, 'versionsOf' | 'ofRelease'>,
  job: JobId
): number | undefined {
  const { project } = jobParts(job)
  const facts = results
    .versionsOf(project)
    .slice(-VERSIONS_SEEN)
    .flatMap((version) => results.ofRelease(project, version))
    .filter(tellsTime)
  const here = facts.filter(({ record }) => targetOfJob(record.job) === targetOfJob(job))
  const newest = (here.length > 0 ? here : facts)
    .sort((a, b) => finishedMs(b.record) - finishedMs(a.record))
    .slice(0, RESULTS_SEEN)
    .map(({ record }) => record.durationMs)
    .sort((a, b) => a - b)
  return newest[Math.floor(newest.length / 2)]
}

/** A build that came to an end of its own, or would have taken even longer; not one that failed early, nor what was only renamed. */
function tellsTime({ record: { wheel, failure, builtAs } }: ResultFact): boolean {
  return builtAs === undefined && (wheel !== undefined || failure?.cause === 'timeout')
}
