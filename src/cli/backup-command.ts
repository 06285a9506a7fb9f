import { resolve } from 'node:path'
import type { Command } from 'commander'
import { findDataDir } from '../config/data-dir.ts'
import type { NodeView } from '../http/api-types.ts'
import type { NodeApi } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findRunning } from './find-node.ts'
import { outputOf } from './output.ts'
import { plain, sizeInWords } from './words.ts'

interface BackupOptions extends CommonOptions {
  readonly all?: true
  readonly force?: true
}

const HELP = `
It holds the node's key, its membership, its settings and the records that it wrote itself: what the mesh cannot give
back. With --all also the records of all others and all files, which the mesh has anyway.

THE FILE HOLDS THE KEY: who has it can speak as this node. It is readable by its owner only (mode 0600); keep it so.

The node may run or not. An old backup does no harm: the restored node writes under a new incarnation, and the others
give it back what it wrote since.

To move a node to a new card:
  commonwheel backup pi.backup                           on the old card; then stop the node for good
  commonwheel restore pi.backup && commonwheel join      on the new one
Never run both: they would be one node twice.`

/** `commonwheel backup FILE` */
export function addBackupCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('backup'))
    .description('save what makes this node itself into one file, which holds its key')
    .argument('<file>', 'where to; it must not be there yet')
    .option('--all', 'with the records of all nodes and all files: large')
    .option('--force', 'replace a file that is there')
    .addHelpText('after', HELP)
    .action(async (file: string, options: BackupOptions) => {
      const api = await findRunning(context, options.data)
      const { writeBackup, offlineEntries } = await context.loadStorage()
      const dataDir = findDataDir({ flag: options.data, env: context.env })
      const all = options.all === true
      const report = await writeBackup({
        dataDir,
        file: resolve(file),
        all,
        force: options.force === true,
        entries: api === undefined ? offlineEntries(dataDir, all) : api.entries({ all }),
        members: api === undefined ? [] : await memberAddresses(api),
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
      out.line(
        `${plain(report.file)}: ${sizeInWords(report.bytes)}, node ${report.node.slice(-8)} of "${plain(report.mesh)}".`
      )
      out.line(out.paint('yellow', 'It holds the key of this node: who has it can speak as this node.'))
    })
}

/** Where the restored node finds the others: those that are connected now first. */
async function memberAddresses(api: NodeApi): Promise<readonly string[]> {
  const others = (await api.nodes()).filter(({ self }) => !self)
  const nearFirst = [...others].sort((a, b) => Number(b.connected) - Number(a.connected))
  return nearFirst.flatMap(addressesOf)
}

function addressesOf({ id, addresses }: NodeView): readonly string[] {
  return addresses.slice(0, 2).map((address) => `${address}/p2p/${id}`)
}
