import { createHash } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseWheelName } from '../core/wheel-name.ts'
import { unsafeRequirement } from './build-system.ts'
import { giveToBuilds } from './build-place.ts'
import { failureOf } from './classify-failure.ts'
import { runInside, type BuildContext } from './run-inside.ts'
import { INSIDE } from './sandbox.ts'
import { fetchEnvironment, fetchPaths } from './sandbox-env.ts'
import { done, failed, type Step } from './step.ts'

/** Build requirements as wheels in one folder, and what is said of them in the result. */
export interface FetchedRequirements {
  readonly folder: string
  /** `name==version sha256:…`, sorted. */
  readonly lines: readonly string[]
}

export interface RequirementSource {
  /** The simple index to take them from. */
  readonly indexUrl: string
  /** This machine's environment, of which certificates and proxies are taken. */
  readonly machine: Readonly<Record<string, string | undefined>>
}

/**
 * Fetches requirements and what they need, as wheels only, into a folder of their own for each round. pip runs with the
 * network, so nothing of a package may run: no source archives, no addresses, and a sandbox all the same.
 */
export async function fetchRequirements(
  context: BuildContext,
  source: RequirementSource,
  requirements: readonly string[],
  round: number
): Promise<Step<FetchedRequirements>> {
  const folder = join(context.work.fetch, `deps-${round}`)
  await mkdir(folder, { mode: 0o700 })
  await giveToBuilds(folder, context.host.user)
  if (requirements.length === 0) return done({ folder, lines: [] })
  const unsafe = unsafeRequirement(requirements)
  if (unsafe !== undefined) {
    const shown = JSON.stringify(unsafe.slice(0, 200))
    return failed('package', 'bad-requirement', `its build requirement ${shown} is no name with versions`)
  }
  const env = fetchEnvironment(source.machine)
  const outcome = await runInside(context, {
    command: downloadCommand(source.indexUrl, `${INSIDE.work}/deps-${round}`, requirements),
    env,
    work: context.work.fetch,
    readOnly: fetchPaths(env)
      .filter((path) => existsSync(path))
      .map((path) => ({ host: path, inside: path })),
    network: true
  })
  const failure = failureOf('requirements', outcome)
  return failure === undefined
    ? done({ folder, lines: await describeWheels(folder) })
    : { kind: 'failed', failure }
}

function downloadCommand(
  indexUrl: string,
  folder: string,
  requirements: readonly string[]
): readonly string[] {
  return [
    ...[
      `${INSIDE.tools}/bin/python`,
      '-I',
      '-m',
      'pip',
      'download',
      '--only-binary=:all:',
      '--progress-bar=off'
    ],
    ...['--retries=2', '--timeout=30', `--index-url=${indexUrl}`, `--dest=${folder}`, '--'],
    ...requirements
  ]
}

async function describeWheels(folder: string): Promise<readonly string[]> {
  const lines: string[] = []
  for (const name of (await readdir(folder)).sort()) {
    const wheel = parseWheelName(name)
    const label = wheel === undefined ? name : `${wheel.project}==${wheel.version}`
    lines.push(`${label} sha256:${await digestOf(join(folder, name))}`)
  }
  return lines.sort()
}

async function digestOf(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
