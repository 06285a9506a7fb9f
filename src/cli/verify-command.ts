import type { Command } from 'commander'
import { findDataDir } from '../config/data-dir.ts'
import type { VerifyEvent, VerifyProgressView, VerifyReportView } from '../http/verify-types.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findRunning } from './find-node.ts'
import { type Output, outputOf } from './output.ts'
import { countOf, plain, sizeInWords } from './words.ts'

interface VerifyOptions extends CommonOptions {
  readonly repair?: true
}

const HELP = `
Reads all that this node keeps: database files against their checksums, every feed against its chain and the signature
at its end, every file against its digest. A node that runs does it itself, at a pace that lets it go on serving, and
anyway once a week by itself. Without one the command opens the data folder, at full speed.

With --repair broken files are moved away and, by a node that runs, fetched again from others; a broken database is
repaired, and what it lost comes back from the others. Without --repair nothing is changed, but for a hole in a feed
that a running node comes upon: it always mends that at once.

Exit code: 0 all is well, or was mended; 1 something is broken.

Examples:
  commonwheel verify
  commonwheel verify --repair --json`

/** `commonwheel verify` */
export function addVerifyCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('verify'))
    .description('read everything that this node keeps, and compare it with its digests')
    .option('--repair', 'move away what is broken and get it again')
    .addHelpText('after', HELP)
    .action(async (options: VerifyOptions) => {
      const report = await verify(context, options)
      const out = outputOf(context)
      if (options.json === true) out.json(report)
      else printReport(out, report)
      if (!report.ok && !isMended(report)) {
        throw cliError('FAILED', 'something is broken', cureOf(report, options.repair === true))
      }
    })
}

async function verify(context: CliContext, options: VerifyOptions): Promise<VerifyReportView> {
  const show = progressTo(context)
  const repair = options.repair === true
  const api = await findRunning(context, options.data)
  if (api !== undefined) {
    for await (const event of api.verify({ repair })) {
      if (event.kind === 'report') return event.report
      if (event.kind === 'failed') throw cliError('FAILED', `the node gave up: ${plain(event.reason)}`)
      show(event.progress)
    }
    throw cliError('FAILED', 'the node stopped in the middle', 'try again when it runs again')
  }
  const { verifyOffline, createLogger } = await context.loadStorage()
  return verifyOffline({
    dataDir: findDataDir({ flag: options.data, env: context.env }),
    repair,
    log: createLogger('warn'),
    signal: context.signal,
    onProgress: (event: VerifyEvent & { readonly kind: 'progress' }) => {
      show(event.progress)
    }
  })
}

function progressTo({ stderr }: CliContext): (progress: VerifyProgressView) => void {
  return ({ step, done, total }) => {
    const [what, of] =
      step === 'feeds' ? [String(done), `${total} entries`] : [sizeInWords(done), sizeInWords(total)]
    stderr.write(`  ${step}: ${what} of ${of}\n`)
  }
}

function printReport(out: Output, { ok, tables, feeds, blobs, ledger }: VerifyReportView): void {
  out.line(
    `${countOf(tables.checked, 'database file')}, ${countOf(feeds.checked, 'feed')} with ` +
      `${feeds.entries} entries, ${countOf(blobs.checked, 'file')} (${sizeInWords(blobs.bytes)})`
  )
  out.table(
    ['BROKEN', 'PROBLEM', 'DONE'],
    [
      ...tables.bad.map(({ file, problem }) => [plain(file), plain(problem), ledger ?? 'kept']),
      ...feeds.bad.map(({ feed, seq, problem }) => [`${feed} at ${seq}`, plain(problem), ledger ?? 'kept']),
      ...blobs.bad.map(({ sha256, done }) => [sha256, 'its bytes are others', done.replace('-', ' ')])
    ]
  )
  out.line(ok ? out.paint('green', 'All is well.') : out.paint('red', 'Something is broken.'))
}

/** Nothing broken is served any more, and what is lost is on its way. */
function isMended({ tables, feeds, blobs, ledger }: VerifyReportView): boolean {
  const ledgerIsFine = tables.bad.length + feeds.bad.length === 0 || ledger !== undefined
  return ledgerIsFine && blobs.bad.every(({ done }) => done !== 'kept')
}

function cureOf({ blobs }: VerifyReportView, repaired: boolean): string {
  if (!repaired) return 'commonwheel verify --repair'
  return blobs.bad.length > 0 ? 'no other node has these files now: try again later' : ''
}
