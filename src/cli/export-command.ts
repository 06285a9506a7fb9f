import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { TargetId } from '../core/ids.ts'
import { isTargetId } from '../core/target.ts'
import { parseRequirementsFile } from '../core/requirement.ts'
import { exportIndex, type ExportProgress, type ExportSummary } from '../node/export-index.ts'
import { isNamePattern, namePattern } from '../node/export-names.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions, collect } from './command-options.ts'
import { findNode } from './find-node.ts'
import { outputOf } from './output.ts'
import { parsedOr } from './parsed-or.ts'
import { SimProgress } from './sim-progress.ts'
import { countOf, durationInWords, plain, sizeInWords } from './words.ts'

interface ExportCommandOptions extends CommonOptions {
  readonly projects?: readonly string[]
  readonly targets?: readonly string[]
  readonly url?: string
  readonly verify?: true
  readonly shrink?: true
}

const HELP = `
Asks the running node for every page of its index, and writes the answers below DIR, with the mesh's wheels, their metadata
and the build logs; what the node does not hold itself it gets from the other members. A web server that serves DIR/current
then stands in for the node: config/nginx.conf is one that sends the same bodies and headers, docs/mirror.md explains it.

Readers see the old state or the new one, never something between: all is written beside, then one link is replaced. Run it
again, from cron or a timer: it writes what has changed and nothing else. When it was interrupted, run it again as well.

Exit code 1 when a project or a file could not be had. The rest is exported all the same, such a project as it was before.

Examples:
  commonwheel export /srv/wheels --url https://wheels.example.org/
  commonwheel export /srv/wheels --projects config/wants.txt
  commonwheel export /srv/wheels --projects 'django*' --projects numpy
  commonwheel export /srv/wheels --targets cp313-linux_aarch64-glibc2.41
  commonwheel export /srv/wheels --verify`

/** `commonwheel export DIR` */
export function addExportCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('export'))
    .description('write the whole index as static files, for nginx')
    .argument('<dir>', 'an empty folder, a new one, or one of an earlier export')
    .option(
      '--projects <file|pattern>',
      'only these: a file of names, or a pattern such as "num*" (repeatable)',
      collect
    )
    .option('--targets <target>', 'only wheels that install on this target (repeatable)', collect)
    .option('--url <url>', 'where the export will be reached: pages for people name it')
    .option('--verify', 'read every file that is there, and fetch it again when its digest is wrong')
    .option('--shrink', 'go on although more than half of the exported projects would go')
    .addHelpText('after', HELP)
    .action(async (dir: string, options: ExportCommandOptions) => {
      await runExport(context, dir, options)
    })
}

async function runExport(context: CliContext, dir: string, options: ExportCommandOptions): Promise<void> {
  const wants = await readProjects(options.projects ?? [])
  const targets = readTargets(options.targets ?? [])
  const publicUrl = options.url === undefined ? undefined : parseUrl(options.url)
  if (dir.trim() === '') throw cliError('USAGE', 'DIR has no name', 'give the path of a folder')
  const { url } = await findNode(context, options.data)
  const progress = new SimProgress(context)
  const beganMs = context.elapsedMs()
  const { signal, sleep } = context
  const summary = await exportIndex({
    folder: resolve(dir),
    url,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(wants === undefined ? {} : { wants }),
    targets,
    verify: options.verify === true,
    shrink: options.shrink === true,
    signal,
    sleep,
    onProgress: (at) => {
      progress.line(progressLine(at, context.elapsedMs() - beganMs))
    }
  }).finally(() => {
    progress.clear()
  })
  if (options.json === true) outputOf(context).json(summary)
  else tell(context, summary, { elapsedMs: context.elapsedMs() - beganMs, url, publicUrl })
  refuseGaps(summary)
}

/** A file of names where there is one, else a pattern. */
async function readProjects(given: readonly string[]): Promise<((project: string) => boolean) | undefined> {
  if (given.length === 0) return undefined
  const tests = await Promise.all(
    given.map(async (text) => {
      const isFile = await stat(text).then(
        (facts) => facts.isFile(),
        () => false
      )
      if (isFile) return namesOfFile(text)
      if (isNamePattern(text)) return namePattern(text)
      const hint = 'name a file that exists, or a pattern of letters, digits, -, * and ?'
      throw cliError('USAGE', `--projects: ${JSON.stringify(text)} is no file and no pattern`, hint)
    })
  )
  return (project) => tests.some((test) => test(project))
}

async function namesOfFile(path: string): Promise<(project: string) => boolean> {
  const text = await readFile(path, 'utf8')
  const requirements = parsedOr(`--projects ${path}`, () => parseRequirementsFile(text))
  const names = new Set<string>(requirements.map(({ project }) => project))
  if (names.size === 0) throw cliError('USAGE', `--projects ${path}: it names no project`)
  return (project) => names.has(project)
}

function readTargets(given: readonly string[]): readonly TargetId[] {
  return given.map((text) => {
    if (isTargetId(text)) return text
    const hint =
      'a target looks like cp313-linux_aarch64-glibc2.41; `commonwheel nodes` shows those of the mesh'
    throw cliError('USAGE', `--targets: ${JSON.stringify(text)} is none`, hint)
  })
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    const hint = 'it looks like https://wheels.example.org/'
    throw cliError('USAGE', `--url: ${JSON.stringify(text)} is no address of a web server`, hint)
  }
  return url.href.endsWith('/') ? url.href : `${url.href}/`
}

function progressLine(
  { projects, of, filesFetched, bytesFetched }: ExportProgress,
  elapsedMs: number
): string {
  const left =
    projects === 0 ? 'counting' : `about ${durationInWords((elapsedMs / projects) * (of - projects))} left`
  const fetched =
    filesFetched === 0 ? [] : [`${countOf(filesFetched, 'file')} fetched, ${sizeInWords(bytesFetched)}`]
  return [`${projects}/${of} projects`, ...fetched, left].join(', ')
}

interface Told {
  readonly elapsedMs: number
  readonly url: string
  readonly publicUrl: string | undefined
}

function tell(context: CliContext, summary: ExportSummary, { elapsedMs, url, publicUrl }: Told): void {
  const out = outputOf(context)
  const { projects, files, generation, changed } = summary
  out.line(
    changed
      ? `Exported the mesh "${plain(summary.mesh)}" to ${generation} in ${durationInWords(elapsedMs)}.`
      : `Nothing has changed since the last export (${durationInWords(elapsedMs)}).`
  )
  out.table(
    ['WHAT', 'HERE', 'NEW', 'GONE'],
    [
      ['projects', String(projects.exported), String(projects.changed), String(projects.removed)],
      [
        'wheels and logs',
        String(files.wheels + files.logs),
        `${files.fetched} (${sizeInWords(files.bytesFetched)})`,
        String(files.removed)
      ]
    ]
  )
  if (publicUrl === undefined) {
    out.line(`Pages for people tell pip to use ${url}simple/: --url says where the export will be reached.`)
  }
}

const SHOWN_FAILURES = 10

function refuseGaps({ projects, files }: ExportSummary): void {
  const [failed, missing] = [projects.failed, files.missing]
  if (failed.length + missing.length === 0) return
  const gaps = [
    ...failed.map(({ project, reason }) => `${project}: ${plain(reason)}`),
    ...missing.map((digest) => `no member that can be reached has ${digest}`)
  ]
  const shown = gaps.slice(0, SHOWN_FAILURES).join('\n  ')
  const more = gaps.length > SHOWN_FAILURES ? `\n  and ${gaps.length - SHOWN_FAILURES} more` : ''
  throw cliError(
    'FAILED',
    `${countOf(failed.length, 'project')} and ${countOf(missing.length, 'file')} could not be exported`,
    `${shown}${more}\n  Run it again when they can be had; --json lists them all.`
  )
}
