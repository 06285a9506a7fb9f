import { readFile } from 'node:fs/promises'
import type { Failure } from '../core/record.ts'
import type { BuildSystem } from './build-system.ts'
import { failureOf } from './classify-failure.ts'
import type { ReadyEnvironment } from './environment-cache.ts'
import { packagePath } from './package-path.ts'
import { runInside, type BuildContext, type InsideOutcome } from './run-inside.ts'
import { INSIDE, type Bind } from './sandbox.ts'

/** What is built and with what. */
export interface WheelBuild {
  /** Name of the source tree's folder below /build/src. */
  readonly top: string
  readonly system: BuildSystem
  readonly environment: ReadyEnvironment
  readonly env: Readonly<Record<string, string>>
  /** The words before its command. */
  readonly prefix: readonly string[]
  /** What else a sandbox must show of the host. */
  readonly readOnly: readonly Bind[]
}

export type WheelOutcome =
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The environment lacks some of these, which pyproject.toml or the backend asks for. */
  | { readonly kind: 'lacks'; readonly requires: readonly string[] }

const PYTHON = `${INSIDE.environment}/bin/python`
/** Of config/python/build_wheel.py, which says on the line with this marker what it lacks. */
const LACKS_STATUS = 17
const LACKS_MARKER = 'commonwheel-requires '

/**
 * pip itself builds, as a user's pip would, from the unpacked tree at a fixed path and in an environment at a fixed path: one in a
 * temporary folder would end up in debug information and make two builds differ. One sandbox does it all: whether the environment
 * has what is asked for is looked at inside, right before.
 */
export async function buildWheel(context: BuildContext, build: WheelBuild): Promise<WheelOutcome> {
  // As text: the build user may not get at the folder that this program is installed in.
  const [program = '', ask = ''] = await Promise.all(
    ['build_wheel.py', 'ask_backend.py'].map(async (name) =>
      readFile(packagePath(`config/python/${name}`), 'utf8')
    )
  )
  const source = `${INSIDE.source}/${build.top}`
  const { requires, backend, backendPath } = build.system
  const pip = [
    ...['--verbose', '--no-deps', '--no-index', '--no-cache-dir', '--no-build-isolation'],
    ...pep517Option(context.interpreter.pipVersion),
    ...[`--find-links=${INSIDE.dependencies}`, `--wheel-dir=${INSIDE.output}`, source]
  ]
  const plan = {
    python: PYTHON,
    environment: INSIDE.environment,
    source,
    requires,
    backend,
    backendPath,
    ask,
    pip
  }
  const outcome = await runInside(context, {
    command: [...build.prefix, `${INSIDE.tools}/bin/python`, '-I', '-c', program, JSON.stringify(plan)],
    env: build.env,
    readOnly: [
      ...build.readOnly,
      { host: build.environment.tree, inside: INSIDE.environment },
      { host: build.environment.wheels, inside: INSIDE.dependencies }
    ]
  })
  const failure = failureOf('build', outcome)
  if (failure === undefined) return { kind: 'built' }
  const lacking = lackingIn(outcome)
  return lacking === undefined ? { kind: 'failed', failure } : { kind: 'lacks', requires: lacking }
}

/** The build may print such a line as well: it then gets what it could have asked for anyway. */
function lackingIn({ ending, text }: InsideOutcome): readonly string[] | undefined {
  if (ending.kind !== 'exited' || ending.code !== LACKS_STATUS) return undefined
  const line = text.split('\n').findLast((candidate) => candidate.startsWith(LACKS_MARKER))
  try {
    const answer: unknown = JSON.parse(line?.slice(LACKS_MARKER.length) ?? '')
    return Array.isArray(answer) && answer.every((item) => typeof item === 'string') ? answer : undefined
  } catch {
    return undefined
  }
}

/** From 19.0 on there is the option, from 25.3 on no other way. Without it an old pip runs setup.py by itself. */
function pep517Option(pipVersion: string): readonly string[] {
  const [major = 0, minor = 0] = pipVersion.split('.').map(Number)
  const isNeeded = major >= 19 && (major < 25 || (major === 25 && minor < 3))
  return isNeeded ? ['--use-pep517'] : []
}
