import type { Command } from 'commander'
import type { CliContext } from './cli-context.ts'
import {
  type CommonOptions,
  addCommonOptions,
  collectList,
  parseCount,
  parseDuration
} from './command-options.ts'
import { findNode } from './find-node.ts'
import { outputOf } from './output.ts'
import { countOf, durationInWords } from './words.ts'

interface InviteOptions extends CommonOptions {
  readonly uses: number
  readonly ttl: number
  readonly roles?: readonly string[]
}

const DAY_MS = 24 * 3_600_000

const EXAMPLES = `
Examples:
  commonwheel invite                      one Pi, within a day
  commonwheel invite --uses 30 --ttl 7d   a class room
  commonwheel invite --roles index        a node that serves and does not build`

/** `commonwheel invite` */
export function addInviteCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('invite'))
    .description('make a ticket with which others join this mesh; it works while this node is off, too')
    .option('--uses <n>', 'how many nodes may join with it', parseCount, 1)
    .option(
      '--ttl <duration>',
      'how long it holds: 90s, 30m, 24h, 7d (default: 24h)',
      parseDuration,
      undefined
    )
    .option(
      '--roles <roles>',
      'what they may do: build, index, mirror, keeper (default: as the mesh says)',
      collectList
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: Omit<InviteOptions, 'ttl'> & Partial<InviteOptions>) => {
      const { uses, ttl: ttlMs = DAY_MS, roles = [] } = options
      const answer = await (await findNode(context, options.data)).invite({ uses, ttlMs, roles })
      if (options.json === true) {
        outputOf(context).json(answer)
        return
      }
      // The ticket alone on stdout, so that a script can take it.
      context.stderr.write(
        `For ${countOf(uses, 'node')} within ${durationInWords(ttlMs)}. Who has it can join, so send it as you would a key.\n` +
          'On the other Pi: ./commonwheel join TICKET\n\n'
      )
      outputOf(context).line(answer.ticket)
    })
}
