import type { Command } from 'commander'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { configFrom } from './config-from.ts'
import { outputOf } from './output.ts'
import { plain } from './words.ts'

interface InitOptions extends CommonOptions {
  readonly config?: string
}

/** `commonwheel init NAME` */
export function addInitCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('init'))
    .description('found a mesh of your own; `join` alone does it too, when there is none to join')
    .argument('<name>', 'what people will call it')
    .option('--config <file>', 'settings as JSON (default: config.json in the data folder)')
    .addHelpText('after', '\nExample:\n  commonwheel init makerspace && commonwheel join')
    .action(async (name: string, options: InitOptions) => {
      const config = await configFrom(context, { data: options.data, config: options.config, settings: {} })
      const { foundMesh } = await context.loadNode()
      const { meshId, ticketHint } = await foundMesh(config, name)
      const out = outputOf(context)
      if (options.json === true) {
        out.json({ name, meshId, dataDir: config.dataDir })
        return
      }
      out.line(`The mesh "${plain(name)}" is founded: ${meshId.slice(0, 16)}`)
      out.line(ticketHint)
    })
}
