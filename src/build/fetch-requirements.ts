import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { giveToBuilds } from './build-place.ts'
import { failureOf } from './classify-failure.ts'
import type { Pin } from './pins.ts'
import { runInside, type BuildContext } from './run-inside.ts'
import { INSIDE } from './sandbox.ts'
import { fetchEnvironment, fetchPaths } from './sandbox-env.ts'
import { done, type Step } from './step.ts'

export interface RequirementSource {
  /** The simple index to take them from. */
  readonly indexUrl: string
  /** This machine's environment, of which certificates and proxies are taken. */
  readonly machine: Readonly<Record<string, string | undefined>>
}

/** What pip is asked for, with the name of a folder that nobody used before. */
export interface Fetch {
  readonly name: string
  readonly wanted: readonly string[] | { readonly pins: readonly Pin[] }
}

/**
 * Fetches requirements and what they need, as wheels only, or exactly the files of pins. pip runs with the network, so nothing of a
 * package may run: no source archives, no addresses, and a sandbox all the same. Gives the paths of the wheels.
 */
export async function fetchRequirements(
  context: BuildContext,
  source: RequirementSource,
  { name, wanted }: Fetch
): Promise<Step<readonly string[]>> {
  const folder = join(context.work.fetch, name)
  await mkdir(folder, { mode: 0o700 })
  await giveToBuilds(folder, context.host.user)
  const env = fetchEnvironment(source.machine)
  const outcome = await runInside(context, {
    command: [
      ...downloadCommand(source.indexUrl, `${INSIDE.work}/${name}`),
      ...('pins' in wanted ? await pinArguments(context, name, wanted.pins) : ['--', ...wanted])
    ],
    env,
    work: context.work.fetch,
    readOnly: fetchPaths(env)
      .filter((path) => existsSync(path))
      .map((path) => ({ host: path, inside: path })),
    network: true
  })
  const failure = failureOf('requirements', outcome)
  if (failure !== undefined) return { kind: 'failed', failure }
  return done((await readdir(folder)).sort().map((wheel) => join(folder, wheel)))
}

function downloadCommand(indexUrl: string, folder: string): readonly string[] {
  return [
    ...[`${INSIDE.tools}/bin/python`, '-I', '-m', 'pip', 'download'],
    ...['--only-binary=:all:', '--progress-bar=off', '--retries=2', '--timeout=30'],
    ...[`--index-url=${indexUrl}`, `--dest=${folder}`]
  ]
}

/** The digests are pip's to check, so that it passes over other files of the same version. */
async function pinArguments(
  context: BuildContext,
  name: string,
  pins: readonly Pin[]
): Promise<readonly string[]> {
  const lines = pins.map(({ project, version, sha256 }) => `${project}==${version} --hash=sha256:${sha256}\n`)
  const file = `${name}.txt`
  await writeFile(join(context.work.fetch, file), lines.join(''), { flag: 'wx', mode: 0o644 })
  return ['--no-deps', '--require-hashes', '--requirement', `${INSIDE.work}/${file}`]
}
