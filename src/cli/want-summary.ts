import type { JobStateView, JobView, WantView } from '../http/api-types.ts'
import { cliError } from './cli-error.ts'
import { type NodeLabels, jobDetail } from './job-cells.ts'
import type { Output } from './output.ts'
import { batchEnd } from './want-batch.ts'
import { countOf, durationInWords, plain } from './words.ts'

const WORDS: Readonly<Partial<Record<JobStateView, string>>> = {
  built: 'built',
  failed: 'failed',
  upstream: 'shipped by upstream',
  skipped: 'skipped',
  excluded: 'ruled out'
}

/** Closes a want that was waited for. */
export function printEnd(out: Output, end: WantEnd): void {
  const { jobs, batch } = end.view
  const counts = Object.entries(WORDS).map(([state, word]) => ({
    word,
    count: jobs.filter((job) => job.state === state).length
  }))
  const words = counts.filter(({ count }) => count > 0).map(({ word, count }) => `${count} ${word}`)
  out.line()
  for (const job of failedOf(jobs)) printFailure(out, job, end.labels)
  if (batch !== undefined) out.line(batchEnd(batch))
  out.line(out.paint('bold', `${words.join(', ') || 'nothing to do'}; ${durationInWords(end.elapsedMs)}`))
}

export interface WantEnd {
  readonly view: WantView
  readonly labels: NodeLabels
  readonly elapsedMs: number
}

/** Throws a CliError FAILED unless every job ended well. */
export function refuseFailures({ jobs }: WantView): void {
  const failed = failedOf(jobs).length
  if (failed > 0) throw cliError('FAILED', `${failed} of ${countOf(jobs.length, 'job')} failed`)
}

function printFailure(out: Output, job: JobView, labels: NodeLabels): void {
  out.line(`${out.paint('red', plain(job.id))}: ${jobDetail(job, labels)}`)
  if (job.log !== undefined) out.line(out.paint('dim', `  commonwheel logs ${plain(job.id)}`))
}

function failedOf(jobs: readonly JobView[]): readonly JobView[] {
  return jobs.filter(({ state }) => state === 'failed')
}
