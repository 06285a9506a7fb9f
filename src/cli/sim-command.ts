import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions, parseCount } from './command-options.ts'
import { simScenario } from './sim-scenario.ts'
import { SCENARIO_NAMES, type ScenarioName } from '../node/sim-task.ts'
import { simOneSeed } from './sim-one-seed.ts'
import type { SimPort } from './sim-port.ts'
import { simSeeds } from './sim-seeds.ts'

const DEFAULT_SEEDS = 20
/** As many Pis as piwheels had in 2017. */
const DEFAULT_NODES = 20

interface SimOptions extends CommonOptions {
  readonly seed?: number
  readonly transcript?: string | true
  readonly checkReplay?: true
  readonly seeds?: number
  readonly from?: number
  readonly workers?: number
  readonly scenario?: ScenarioName
  readonly nodes?: number
  readonly share?: number
}

const EXAMPLES = `
A seed draws a mesh of about 20 nodes, what they are asked to build, and ten minutes of trouble: crashes, cuts, lost messages,
slow disks, wrong clocks. Then everything heals, and the mesh must come to rest. The nodes are the real ones; network, disk,
clock and builder are simulated, and time is virtual. After every step it is checked that no job is built twice and none is
forgotten: docs/simulation.md. The same seed gives the same run, to the last event.

The last line is the summary. Exit code 1 when a rule was broken; each failing seed comes with the command that replays it.

Examples:
  commonwheel sim                                     ${DEFAULT_SEEDS} seeds on all cores
  commonwheel sim --seeds 2000 --from 1               2,000 of them
  commonwheel sim --seed 17                           one, with a report
  commonwheel sim --seed 17 --transcript | less       and all that happened in it
  commonwheel sim --seed 17 --transcript 17.txt       the same into a file
  commonwheel sim --seed 17 --check-replay            twice, and compare the two
  commonwheel sim --scenario piwheels-2017 --nodes 1000    what a large mesh would need: docs/scale.md`

/** `commonwheel sim` */
export function addSimCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('sim'))
    .description(
      'simulate whole meshes in which everything goes wrong, and check that no job is built twice or lost'
    )
    .addOption(
      new Option('--seed <n>', 'run one seed and tell all about it')
        .argParser(parseSeed)
        .conflicts(['seeds', 'from', 'workers'])
    )
    .option('--transcript [file]', 'with --seed: print what happened, or write it to the file')
    .option('--check-replay', 'with --seed: run it twice and compare')
    .option('--seeds <count>', `run so many seeds (default: ${DEFAULT_SEEDS})`, parseCount)
    .option('--from <n>', 'the first of them (default: 1)', parseSeed)
    .option('--workers <n>', 'threads (default: one for each core)', parseCount)
    .addOption(
      new Option('--scenario <name>', 'a large mesh instead of seeds')
        .choices(SCENARIO_NAMES)
        .conflicts(['seeds', 'from', 'workers', 'transcript', 'checkReplay'])
    )
    .option('--nodes <n>', `with --scenario: nodes (default: ${DEFAULT_NODES})`, parseCount)
    .option(
      '--share <x>',
      'with --scenario: share of its versions, up to 1 (default: a few minutes of work)',
      parseShare
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: SimOptions) => {
      checkTogether(options)
      await run(context, await context.loadSimulator(), options)
    })
}

async function run(context: CliContext, port: SimPort, options: SimOptions): Promise<void> {
  const { seed, seeds = DEFAULT_SEEDS, from = 1, workers, transcript, checkReplay, scenario } = options
  const json = options.json === true
  if (scenario !== undefined) {
    const { nodes = DEFAULT_NODES, share } = options
    await simScenario(context, port, { name: scenario, nodes, share, seed: seed ?? 1, json })
  } else if (seed === undefined) {
    await simSeeds(context, port, { from, count: seeds, workers, json })
  } else {
    await simOneSeed(context, port, { seed, transcript, checkReplay: checkReplay === true, json })
  }
}

/** What says something about one kind of run is no part of another one. */
function checkTogether({ seed, transcript, checkReplay, scenario, nodes, share }: SimOptions): void {
  if (seed === undefined && (transcript !== undefined || checkReplay !== undefined)) {
    throw cliError('USAGE', '--transcript and --check-replay are for one seed', 'name it with --seed N')
  }
  if (scenario === undefined && (nodes !== undefined || share !== undefined)) {
    throw cliError(
      'USAGE',
      '--nodes and --share are for a scenario',
      `name it with --scenario ${SCENARIO_NAMES[0]}`
    )
  }
}

function parseSeed(text: string): number {
  const seed = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed)) {
    throw new InvalidArgumentError('A seed is a whole number.')
  }
  return seed
}

function parseShare(text: string): number {
  const share = Number(text)
  if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('A share is above 0 and at most 1.')
  return share
}
