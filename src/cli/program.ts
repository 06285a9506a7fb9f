import { Command } from 'commander'
import type { CliContext } from './cli-context.ts'
import { addBackupCommand } from './backup-command.ts'
import { addCompletionCommand } from './completion-command.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { addExportCommand } from './export-command.ts'
import { addInitCommand } from './init-command.ts'
import { addInviteCommand } from './invite-command.ts'
import { addJobsCommand } from './jobs-command.ts'
import { addJoinCommand } from './join-command.ts'
import { addLeaveCommand } from './leave-command.ts'
import { addLogsCommand } from './logs-command.ts'
import { addNodesCommand } from './nodes-command.ts'
import { addFinishCommand, addPauseCommand, addResumeCommand } from './pause-commands.ts'
import { addReproduceCommand } from './reproduce-command.ts'
import { addRestoreCommand } from './restore-command.ts'
import { addServiceCommand } from './service-command.ts'
import { addSimCommand } from './sim-command.ts'
import { addStatusCommand } from './status-command.ts'
import { addUpgradeCommand } from './upgrade-command.ts'
import { addVerifyCommand } from './verify-command.ts'
import { addTopCommand } from './top-command.ts'
import { addWantCommand } from './want-command.ts'
import { addWhyCommand } from './why-command.ts'

const AFTER = `
Every command takes --data DIR, --json and --debug; \`commonwheel COMMAND --help\` has examples.
Exit code: 0 done, 1 refused or failed with a reason, 2 wrong usage, 130 \`sim\` ended by Ctrl-C.

First steps:
  ./commonwheel join                    run a node
  ./commonwheel want numpy --wait       have a wheel built
  ./commonwheel invite                  make a ticket for the next Pi`

/** The whole command line; commander throws instead of ending the process. */
export function createProgram(context: CliContext): Command {
  const program = new Command('commonwheel')
    .description('A mesh of Raspberry Pis that builds Python wheels together and serves one index.')
    .version(context.version)
    .exitOverride()
    .showHelpAfterError('Try: commonwheel --help')
    .configureOutput({
      writeOut: (text) => {
        context.stdout.write(text)
      },
      writeErr: (text) => {
        context.stderr.write(text)
      },
      getOutHelpWidth: () => (context.stdout.isTTY ? context.stdout.columns : 80),
      getErrHelpWidth: () => (context.stderr.isTTY ? context.stderr.columns : 80)
    })
    .addHelpText('after', AFTER)
  const commands = [
    addJoinCommand,
    addWantCommand,
    addStatusCommand,
    addTopCommand,
    addNodesCommand,
    addJobsCommand,
    addWhyCommand,
    addLogsCommand,
    addInviteCommand,
    addInitCommand,
    addExportCommand,
    addPauseCommand,
    addResumeCommand,
    addFinishCommand,
    addLeaveCommand,
    addDoctorCommand,
    addVerifyCommand,
    addReproduceCommand,
    addBackupCommand,
    addRestoreCommand,
    addServiceCommand,
    addUpgradeCommand,
    addCompletionCommand,
    addSimCommand
  ]
  for (const add of commands) add(program, context)
  return program
}
