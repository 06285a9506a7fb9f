import type { Command } from 'commander'
import type { MemberDifferenceView, ReproduceReportView } from '../http/reproduce-types.ts'
import type { NodeApi } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findNode } from './find-node.ts'
import { type Output, outputOf } from './output.ts'
import { countOf, plain } from './words.ts'

interface ReproduceOptions extends CommonOptions {
  readonly target?: string
}

const HELP = `
Builds a job again on this node, from the same source archive and with the build requirements that its result names, and
compares the wheel with the one that the mesh has. Nothing of it is published, and the node goes on with its own work.

Two wheels are equal when their bytes are. When only their contents are (what they unpack to), the archives differ in
times, order or compression. Otherwise each file that differs is shown: lines of text, sections of compiled code.

JOB is <project>==<version>, for the node's own target unless --target says another, or <project>==<version>@<target>.

Exit code: 0 the same bytes; 1 others, or it could not be built; 2 wrong usage.

Examples:
  commonwheel reproduce markupsafe==3.0.2
  commonwheel reproduce markupsafe==3.0.2@cp311-linux_aarch64-glibc2.36 --json`

/** `commonwheel reproduce JOB` */
export function addReproduceCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('reproduce'))
    .description('build a job again and compare the wheel with the published one')
    .argument('<job>', 'project==version, or project==version@target')
    .option('--target <target>', 'target of the job, when it does not say')
    .addHelpText('after', HELP)
    .action(async (job: string, options: ReproduceOptions) => {
      const api = await findNode(context, options.data)
      const report = await reproduce(context, api, await wholeJob(api, job, options.target))
      const out = outputOf(context)
      if (options.json === true) out.json(report)
      else printReport(out, report)
      if (!report.equal) throw cliError('FAILED', `${report.filename} came out different`)
    })
}

async function wholeJob(api: NodeApi, job: string, target: string | undefined): Promise<string> {
  const [, release = '', named] = /^([^@\s]+==[^@\s]+?)(?:@([^@\s]+))?$/.exec(job) ?? []
  if (release === '') throw cliError('USAGE', 'JOB: give one release, as in markupsafe==3.0.2')
  if (named !== undefined && target !== undefined && named !== target)
    throw cliError('USAGE', 'JOB and --target name different targets')
  const chosen = named ?? target ?? (await api.status()).node.targets[0]
  if (chosen === undefined)
    throw cliError('REFUSED', 'this node builds for no target', 'commonwheel doctor says why')
  return `${release}@${chosen}`
}

async function reproduce(context: CliContext, api: NodeApi, job: string): Promise<ReproduceReportView> {
  for await (const event of api.reproduce({ job })) {
    if (event.kind === 'report') return event.report
    if (event.kind === 'failed')
      throw cliError('FAILED', `it could not be reproduced: ${plain(event.reason)}`)
    context.stderr.write(`  ${event.phase}\n`)
  }
  throw cliError('FAILED', 'the node stopped in the middle', 'try again when it runs again')
}

function printReport(out: Output, report: ReproduceReportView): void {
  out.line(
    `${plain(report.job)}: ${plain(report.filename)}, built in ${Math.round(report.durationMs / 1000)} s`
  )
  out.table(
    ['', 'SHA-256', 'NORMALIZED'],
    (['published', 'built'] as const).map((which) => [which, report[which].sha256, report[which].normalized])
  )
  out.table(
    ['NOT THE SAME', 'PUBLISHED', 'BUILT'],
    report.surroundings.map(({ what, published, built }) => [what, plain(published), plain(built)])
  )
  for (const member of report.members) printMember(out, member)
  const hidden = report.differing - report.members.length
  if (hidden > 0) out.line(`… and ${countOf(hidden, 'file')} more`)
  for (const what of report.archive) out.line(`the archives differ in ${what}`)
  out.line(verdict(out, report))
}

function printMember(out: Output, { name, kind, content }: MemberDifferenceView): void {
  if (content === undefined) {
    out.line(`${plain(name)}: ${kind.replace('-', ' ')}`)
    return
  }
  const [published, built] = content.sizes
  const where = content.sections === undefined ? '' : `, sections ${content.sections.map(plain).join(' ')}`
  out.line(
    `${plain(name)}: ${published} and ${built} bytes, first different at ${content.firstOffset}${where}`
  )
  for (const line of content.lines ?? []) out.line(`  ${plain(line)}`)
}

function verdict(out: Output, { equal, equalContents }: ReproduceReportView): string {
  if (equal) return out.paint('green', 'The same bytes.')
  if (equalContents) return out.paint('yellow', 'Other bytes, but the same contents.')
  return out.paint('red', 'Different contents.')
}
