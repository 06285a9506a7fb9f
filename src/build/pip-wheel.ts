import { readFile } from 'node:fs/promises'
import type { Failure } from '../core/record.ts'
import type { BuildSystem } from './build-system.ts'
import { failureOf } from './classify-failure.ts'
import { packagePath } from './package-path.ts'
import { runInside, type BuildContext, type InsideOutcome } from './run-inside.ts'
import { INSIDE } from './sandbox.ts'
import { done, failed, type Step } from './step.ts'

/** What is built and with what. */
export interface WheelBuild {
  /** Name of the source tree's folder below /build/src. */
  readonly top: string
  readonly dependencies: string
  readonly env: Readonly<Record<string, string>>
}

export type WheelOutcome =
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The backend wants more than pyproject.toml says; ask it what. */
  | { readonly kind: 'wants-more' }

const PYTHON = `${INSIDE.tools}/bin/python`
/** pip's words, all versions of it, when a backend's own requirements cannot be installed. */
const WANTS_MORE =
  /install(?:ing)? backend dependencies\b[\s\S]*?(?:did not run successfully|status 'error'|No matching distribution)/i

/**
 * pip itself builds, as a user's pip would, with its own isolation: from the unpacked tree at a fixed path, because a path
 * in a temporary folder would end up in debug information and make two builds differ.
 */
export async function buildWheel(context: BuildContext, build: WheelBuild): Promise<WheelOutcome> {
  const outcome = await runInside(context, {
    command: [
      ...[PYTHON, '-I', '-m', 'pip', 'wheel', '--verbose', '--no-deps', '--no-index', '--no-cache-dir'],
      ...pep517Option(context.interpreter.pipVersion),
      ...[
        `--find-links=${INSIDE.dependencies}`,
        `--wheel-dir=${INSIDE.output}`,
        `${INSIDE.source}/${build.top}`
      ]
    ],
    env: build.env,
    readOnly: [{ host: build.dependencies, inside: INSIDE.dependencies }]
  })
  const failure = failureOf('build', outcome)
  if (failure === undefined) return { kind: 'built' }
  return wantsMore(outcome) ? { kind: 'wants-more' } : { kind: 'failed', failure }
}

/** The backend's answer to PEP 517's get_requires_for_build_wheel, asked in a sandbox like the build's. */
export async function askBackend(
  context: BuildContext,
  build: WheelBuild,
  system: BuildSystem
): Promise<Step<readonly string[]>> {
  const readOnly = [{ host: build.dependencies, inside: INSIDE.dependencies }]
  const site = `${INSIDE.tmp}/ask-site`
  if (system.requires.length > 0) {
    const installed = await runInside(context, {
      command: [
        ...[
          PYTHON,
          '-I',
          '-m',
          'pip',
          'install',
          '--no-index',
          `--find-links=${INSIDE.dependencies}`,
          '--no-compile'
        ],
        ...['--upgrade', `--target=${site}`, '--', ...system.requires]
      ],
      env: build.env,
      readOnly
    })
    const failure = failureOf('requirements', installed)
    if (failure !== undefined) return { kind: 'failed', failure }
  }
  // As text: the build user may not get at the folder that this program is installed in.
  const driver = await readFile(packagePath('config/python/ask_backend.py'), 'utf8')
  const question = [`${INSIDE.source}/${build.top}`, site, system.backend, ...system.backendPath]
  const asked = await runInside(context, {
    command: [PYTHON, '-c', driver, ...question],
    env: build.env,
    readOnly
  })
  const failure = failureOf('build', asked)
  return failure === undefined ? answerIn(asked.text) : { kind: 'failed', failure }
}

function answerIn(text: string): Step<readonly string[]> {
  const line = text.split('\n').findLast((candidate) => candidate.startsWith('commonwheel-requires '))
  try {
    const answer: unknown = JSON.parse(line?.slice('commonwheel-requires '.length) ?? '')
    if (Array.isArray(answer) && answer.every((item) => typeof item === 'string')) return done(answer)
  } catch {
    // Told below: the backend wrote over its own answer.
  }
  return failed('package', 'bad-backend', 'its build backend gave no list of requirements')
}

function wantsMore({ ending, text }: InsideOutcome): boolean {
  return ending.kind === 'exited' && WANTS_MORE.test(text)
}

/** From 19.0 on there is the option, from 25.3 on no other way. Without it an old pip runs setup.py by itself. */
function pep517Option(pipVersion: string): readonly string[] {
  const [major = 0, minor = 0] = pipVersion.split('.').map(Number)
  const isNeeded = major >= 19 && (major < 25 || (major === 25 && minor < 3))
  return isNeeded ? ['--use-pep517'] : []
}
