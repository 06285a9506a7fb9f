import type { BuildView, JobView } from '../../src/http/api-types.ts'
import { formatTable } from '../../src/cli/table.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import type { Check } from './checks.ts'

const started = performance.now()

export function say(text: string): void {
  console.log(
    text === '' ? '' : `[${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}`
  )
}

/** Lines of a command, as they come. */
export function echo(): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') say(`  ${line}`)
  }
}

/** One row a job: who built it, how it ended, how long it took, which wheel serves it. */
export function jobTable(
  jobs: readonly JobView[],
  builds: readonly BuildView[],
  nodes: readonly NodeProcess[]
): readonly string[] {
  const rows = jobs.map((job) => {
    const build = builds.find((one) => one.job === job.id)
    const builder = nodes.find(({ id }) => id === build?.builder)?.name ?? '-'
    const seconds = build === undefined ? '-' : (build.durationMs / 1000).toFixed(1)
    const wheel = job.wheel?.filename ?? (job.state === 'upstream' ? job.reason : '-')
    return [`${job.project} ${job.version}`, job.target, builder, outcomeOf(job, build), seconds, wheel]
  })
  return formatTable(['JOB', 'TARGET', 'BUILDER', 'OUTCOME', 'SECONDS', 'WHEEL'], rows, {
    width: 200,
    paint: (_, text) => text
  })
}

/** A wheel that serves every Python is built once, for the lowest of them. */
function outcomeOf({ state, failure }: JobView, build: BuildView | undefined): string {
  if (state === 'failed') return `failed: ${failure?.cause ?? ''}`
  return state === 'built' && build === undefined ? 'served by another' : state
}

export function checkLines(checks: readonly Check[]): readonly string[] {
  return checks.map(({ what, trouble }) => (trouble === '' ? `ok    ${what}` : `AMISS ${what}: ${trouble}`))
}
