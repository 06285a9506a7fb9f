import type { Command } from 'commander'
import type { NodeView } from '../http/api-types.ts'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findNode } from './find-node.ts'
import { outputOf } from './output.ts'
import type { Cell } from './table.ts'
import { durationInWords, jobInWords, plain, shortNodeId } from './words.ts'

/** `commonwheel nodes` */
export function addNodesCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('nodes'))
    .description('the nodes of the mesh, and what each is doing')
    .action(async (options: CommonOptions) => {
      const nodes = await (await findNode(context, options.data)).nodes()
      const out = outputOf(context)
      if (options.json === true) {
        out.json(nodes)
        return
      }
      out.table(['NODE', 'ID', 'SEEN', 'LEVEL', 'DOING'], nodes.map(nodeRow))
    })
}

function nodeRow(node: NodeView): readonly (Cell | string)[] {
  return [{ text: node.label, style: 'bold' }, shortNodeId(node.id), seen(node), node.level, doing(node)]
}

function seen({ self, connected, lastSeenMs }: NodeView): Cell {
  if (self) return { text: 'this one', style: 'green' }
  if (connected) return { text: 'now', style: 'green' }
  return { text: lastSeenMs === undefined ? 'never' : `${durationInWords(lastSeenMs)} ago`, style: 'yellow' }
}

function doing(node: NodeView): string {
  const { paused } = node
  const pause =
    paused === undefined ? [] : [`paused for ${durationInWords(paused.elapsedMs)}: ${plain(paused.reason)}`]
  if (node.running.length > 0) {
    const jobs = node.running.map(({ job, elapsedMs }) => `${jobInWords(job)}, ${durationInWords(elapsedMs)}`)
    return [...jobs, ...pause].join('; ')
  }
  if (paused !== undefined) return pause.join('')
  if (node.buildRefusal !== undefined) return `does not build: ${node.buildRefusal}`
  if (!node.roles.includes('build')) return `no builder (${node.roles.join(', ') || 'no role'})`
  return `idle, builds for ${node.targets.join(', ')}`
}
