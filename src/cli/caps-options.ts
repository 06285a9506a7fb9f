import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from './command-options.ts'

/** What builds may take of this machine, as `join` takes it. */
export interface CapsOptions {
  readonly hours?: string
  readonly cores?: number
  readonly maxTemperature?: number
  readonly longestJob?: number
  readonly buildDir?: string
}

export function addCapsOptions(command: Command): Command {
  return command
    .option('--hours <hours>', 'begin builds in these hours only: "22:00-07:00", "mon-fri 18:00-08:00"')
    .option('--cores <n>', 'processors that builds use together (default: all)', parseWhole)
    .option(
      '--max-temperature <celsius>',
      'begin none from so many °C on (default: 80; 0: no bound)',
      parseWhole
    )
    .option('--longest-job <duration>', 'take no job that took longer before: 45m, 2h', parseDuration)
    .option('--build-dir <folder>', 'where builds happen: a USB disk, a tmpfs (default: in the data folder)')
}

/** The settings that they stand for. */
export function capsSettings(options: CapsOptions): Readonly<Record<string, unknown>> {
  const { hours, cores, maxTemperature, longestJob, buildDir } = options
  return { caps: { hours, cores, temperature: maxTemperature, longestJobMs: longestJob }, buildDir }
}

function parseWhole(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0 on.')
  return Number(text)
}
