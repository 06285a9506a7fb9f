import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { addCommonOptions } from './command-options.ts'
import { partsOf, programFolder, tellInstalled, type ServiceOptions } from './service-command.ts'

const HELP = `
Run it in the clone that the service was installed from. It fetches what is new there (git, fast forward only), compiles it,
and installs it as \`service install\` does: a version that does not come up is taken back by itself, and the one before runs on.
--rollback goes back to the version before the one that runs; it needs no network.`

interface UpgradeOptions extends ServiceOptions {
  readonly rollback?: true
}

/** `commonwheel upgrade` */
export function addUpgradeCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('upgrade'))
    .description('bring the installed service to the newest version, or back')
    .option('--user', "this user's own service")
    .option('--rollback', 'go back to the version before')
    .addHelpText('after', HELP)
    .action(async (options: UpgradeOptions) => {
      if (options.rollback === true) await goBack(context, options)
      else await upgrade(context, options)
    })
}

async function goBack(context: CliContext, options: UpgradeOptions): Promise<void> {
  const port = await context.loadService()
  tellInstalled(context, await port.rollBack(partsOf(context, port, options)), options)
}

async function upgrade(context: CliContext, options: UpgradeOptions): Promise<void> {
  const clone = programFolder()
  const owner = await stat(join(clone, '.git')).catch(() => undefined)
  if (owner === undefined)
    throw cliError(
      'FAILED',
      `${clone} is no clone`,
      'run ./commonwheel upgrade in the clone that it was installed from'
    )
  // As the owner of the clone: root's files in it would be in the way the next time, and git refuses somebody else's.
  const asOwner = process.getuid?.() === 0 && owner.uid !== 0
  const prefix = asOwner
    ? ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--init-groups', '--']
    : []
  context.stderr.write('  fetching what is new\n')
  await run(context, [...prefix, 'git', '-C', clone, 'pull', '--ff-only', '--quiet'])
  context.stderr.write('  compiling\n')
  await run(context, [...prefix, join(clone, 'commonwheel'), '--version'])
  // The program that now lies there installs itself.
  const words = [...(options.user === true ? ['--user'] : []), ...dataWords(options)]
  const text = await run(context, [join(clone, 'commonwheel'), 'service', 'install', ...words])
  context.stdout.write(text)
}

function dataWords({ data, json }: UpgradeOptions): readonly string[] {
  return [...(data === undefined ? [] : ['--data', data]), ...(json === true ? ['--json'] : [])]
}

async function run({ signal, env }: CliContext, words: readonly string[]): Promise<string> {
  const [file = '', ...args] = words
  return new Promise((resolve, reject) => {
    execFile(file, args, { signal, env: { ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else
        reject(
          cliError(
            'FAILED',
            `${words.join(' ')}: ${(stderr || error.message).trim().split('\n').at(-1) ?? ''}`
          )
        )
    })
  })
}
