import { readFile } from 'node:fs/promises'
import { messageOf } from '../core/errors.ts'
import { MAX_WANT_SPECS } from '../core/limits.ts'
import { type Requirement, parseRequirement, parseRequirementsFile } from '../core/requirement.ts'
import { isTargetId } from '../core/target.ts'
import { cliError } from './cli-error.ts'
import { parsedOr } from './parsed-or.ts'

/** What the words and files of a `want` ask for, each once, as the API takes it; throws a usage error. */
export async function readSpecs(
  words: readonly string[],
  files: readonly string[]
): Promise<readonly string[]> {
  const typed = words.map((word) => parsedOr('SPEC', () => parseRequirement(word)))
  const listed = await Promise.all(files.map(readRequirements))
  const specs = [...new Set([...typed, ...listed.flat()].map(specOf))]
  if (specs.length === 0) {
    throw cliError('USAGE', 'SPEC: nothing is asked for', 'name a project, or give -r FILE')
  }
  if (specs.length <= MAX_WANT_SPECS) return specs
  throw cliError('USAGE', `${specs.length} specs are too many`, `ask for at most ${MAX_WANT_SPECS} at a time`)
}

export function checkTargets(targets: readonly string[]): readonly string[] {
  const wrong = targets.find((target) => !isTargetId(target))
  if (wrong === undefined) return targets
  const hint =
    'a target looks like cp313-linux_aarch64-glibc2.41; `commonwheel nodes` shows those of the mesh'
  throw cliError('USAGE', `--target: ${JSON.stringify(wrong)} is none`, hint)
}

async function readRequirements(path: string): Promise<readonly Requirement[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw cliError('USAGE', `-r ${path}: ${messageOf(cause)}`, '', { cause })
  }
  return parsedOr(`-r ${path}`, () => parseRequirementsFile(text))
}

function specOf({ project, specifier }: Requirement): string {
  return project + specifier
}
