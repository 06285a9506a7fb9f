import type { Command } from 'commander'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findNode } from './find-node.ts'
import { outputOf } from './output.ts'
import { plain } from './words.ts'

/** `commonwheel leave` */
export function addLeaveCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('leave'))
    .description('end the membership of this node and stop it; what it built stays in the mesh')
    .action(async (options: CommonOptions) => {
      const api = await findNode(context, options.data)
      const { mesh, node } = await api.status()
      const answer = await api.act('leave')
      const out = outputOf(context)
      if (options.json === true) {
        out.json(answer)
        return
      }
      out.line(`${plain(node.label)} leaves the mesh "${plain(mesh.name)}" and stops.`)
      out.line('To come back it needs a new ticket.')
    })
}
