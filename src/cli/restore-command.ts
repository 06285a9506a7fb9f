import { resolve } from 'node:path'
import type { Command } from 'commander'
import { findDataDir } from '../config/data-dir.ts'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { outputOf } from './output.ts'
import { countOf, plain } from './words.ts'

const HELP = `
The data folder must be empty or missing. Every digest, chain and signature is checked before anything is put in place;
a file that is damaged or cut is refused as a whole. The node then begins a new feed, so that it never writes a second
history of its old one, whatever the age of the backup.

The node that the backup was made of must not run any more: they would be one node twice.

Example:
  commonwheel restore pi.backup && commonwheel join`

/** `commonwheel restore FILE` */
export function addRestoreCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('restore'))
    .description('make an empty data folder the node of a backup')
    .argument('<file>', 'what `commonwheel backup` wrote')
    .addHelpText('after', HELP)
    .action(async (file: string, options: CommonOptions) => {
      const { restoreBackup } = await context.loadStorage()
      const report = await restoreBackup({
        file: resolve(file),
        dataDir: findDataDir({ flag: options.data, env: context.env }),
        signal: context.signal,
        onProgress: (line) => {
          context.stderr.write(`  ${line}\n`)
        }
      })
      const out = outputOf(context)
      if (options.json === true) {
        out.json(report)
        return
      }
      const saved = new Date(report.createdMs).toISOString()
      out.line(
        `Node ${report.node.slice(-8)} of "${plain(report.mesh)}", as of ${saved}, is in ${plain(report.dataDir)}:`
      )
      out.line(`${report.entries} entries of the ledger, ${countOf(report.blobs, 'file')}.`)
      if (report.brokenBlobs > 0) {
        out.line(
          `${countOf(report.brokenBlobs, 'file')} had been broken before: left out, they come back from the mesh.`
        )
      }
      out.line('Start it with: ./commonwheel join')
    })
}
