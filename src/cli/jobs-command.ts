import { type Command, Option } from 'commander'
import { JOB_STATES, type JobView } from '../http/api-types.ts'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions, parseCount } from './command-options.ts'
import { findNode } from './find-node.ts'
import { jobDetail, labelsOf, releaseOf, stateCell } from './job-cells.ts'
import { outputOf } from './output.ts'

interface JobsOptions extends CommonOptions {
  readonly state?: string
  readonly target?: string
  readonly project?: string
  readonly limit?: number
}

const EXAMPLES = `
Examples:
  commonwheel jobs --state building
  commonwheel jobs --project numpy --target cp313-linux_aarch64-glibc2.41`

/** `commonwheel jobs` */
export function addJobsCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('jobs'))
    .description('the jobs of the mesh, the most urgent first')
    .addOption(new Option('--state <state>', 'only those in this state').choices(JOB_STATES))
    .option('--target <target>', 'only those for this target')
    .option('--project <name>', 'only those of this project')
    .option('--limit <n>', 'at most so many (default: 200)', parseCount)
    .addHelpText('after', EXAMPLES)
    .action(async (options: JobsOptions) => {
      const api = await findNode(context, options.data)
      const { state, target, project, limit } = options
      const jobs = await api.jobs({ state, target, project, limit: limit?.toString() })
      const out = outputOf(context)
      if (options.json === true) {
        out.json(jobs)
        return
      }
      if (jobs.length === 0) out.line('no such jobs')
      const labels = labelsOf(await api.nodes())
      const row = (job: JobView) => [releaseOf(job), job.target, stateCell(job.state), jobDetail(job, labels)]
      out.table(['RELEASE', 'TARGET', 'STATE', 'DETAIL'], jobs.map(row))
    })
}
