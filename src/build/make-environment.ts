import { link, mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { giveToBuilds, takeFromBuilds } from './build-place.ts'
import { failureOf } from './classify-failure.ts'
import { foldersOf } from './environment-cache.ts'
import { packagePath } from './package-path.ts'
import { runInside, type BuildContext } from './run-inside.ts'
import { INSIDE } from './sandbox.ts'
import { baseEnvironment } from './sandbox-env.ts'
import { done, type Step } from './step.ts'
import type { CachedWheel } from './wheel-cache.ts'

/**
 * Installs wheels into a fresh environment, in a sandbox without network. That runs nothing of theirs; what they unpack to counts as
 * disk of this build, and belongs to the node when it is done.
 */
export async function makeEnvironment(
  context: BuildContext,
  wheels: readonly CachedWheel[],
  folder: string
): Promise<Step<undefined>> {
  const into = foldersOf(folder)
  await mkdir(into.wheels, { mode: 0o755 })
  for (const { path, filename } of wheels) await link(path, join(into.wheels, filename))
  const tree = join(context.work.fetch, 'environment')
  await mkdir(tree, { mode: 0o755 })
  await giveToBuilds(tree, context.host.user)
  // As text: the build user may not get at the folder that this program is installed in.
  const [program, hook] = await Promise.all(
    ['make_environment.py', 'same_everywhere.py'].map(async (name) =>
      readFile(packagePath(`config/python/${name}`), 'utf8')
    )
  )
  const files = wheels.map(({ filename }) => `${INSIDE.dependencies}/${filename}`)
  const outcome = await runInside(context, {
    command: [
      `${INSIDE.tools}/bin/python`,
      '-I',
      '-c',
      program ?? '',
      INSIDE.environment,
      hook ?? '',
      ...files
    ],
    env: baseEnvironment(),
    work: context.work.fetch,
    readOnly: [{ host: into.wheels, inside: INSIDE.dependencies }],
    writable: [{ host: tree, inside: INSIDE.environment }]
  })
  const failure = failureOf('requirements', outcome)
  if (failure !== undefined) return { kind: 'failed', failure }
  await takeFromBuilds(tree, context.host.user)
  await rename(tree, into.tree)
  return done(undefined)
}
