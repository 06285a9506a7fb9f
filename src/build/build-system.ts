import { join } from 'node:path'
import { parse } from 'smol-toml'
import { messageOf } from '../core/errors.ts'
import { readSourceFile } from './source-file.ts'
import { done, failed, type Step } from './step.ts'

/** The `build-system` table of pyproject.toml, with PEP 518's defaults filled in. */
export interface BuildSystem {
  readonly requires: readonly string[]
  readonly backend: string
  readonly backendPath: readonly string[]
}

/** Both: setuptools before 70.1 cannot make wheels without the wheel package. */
const LEGACY: BuildSystem = {
  requires: ['setuptools>=40.8.0', 'wheel'],
  backend: 'setuptools.build_meta:__legacy__',
  backendPath: []
}
const MAX_PYPROJECT_BYTES = 1024 * 1024
const MAX_REQUIREMENTS = 200

/**
 * A name, extras, versions, a marker: never an address, a path or an option of pip. Those could make pip run code of
 * packages where nothing holds it.
 */
const PLAIN_REQUIREMENT =
  /^\s*[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(?:[(<>=!~][\w.*+!<>=~,()\s-]*)?(?:;[^@]*)?$/

/** Reads how a source tree wants to be built; a tree without pyproject.toml is built by setuptools. */
export async function readBuildSystem(sourceRoot: string): Promise<Step<BuildSystem>> {
  try {
    const text = await readSourceFile(join(sourceRoot, 'pyproject.toml'), MAX_PYPROJECT_BYTES)
    if (text === undefined) return done(LEGACY)
    const table = parse(text)['build-system']
    if (table === undefined) return done(LEGACY)
    return buildSystemOf(table as Record<string, unknown>)
  } catch (error) {
    return invalid(messageOf(error).split('\n')[0] ?? '')
  }
}

/** `undefined` when all can be given to pip, else what cannot. */
export function unsafeRequirement(requirements: readonly string[]): string | undefined {
  if (requirements.length > MAX_REQUIREMENTS) return `more than ${MAX_REQUIREMENTS} build requirements`
  return requirements.find(
    (requirement) => requirement.length > 1_000 || !PLAIN_REQUIREMENT.test(requirement)
  )
}

function buildSystemOf(table: Record<string, unknown>): Step<BuildSystem> {
  const { requires, 'build-backend': backend, 'backend-path': backendPath = [] } = table
  if (!isTexts(requires)) return invalid('build-system.requires is no list of strings')
  if (!isTexts(backendPath)) return invalid('build-system.backend-path is no list of strings')
  if (backend !== undefined && typeof backend !== 'string')
    return invalid('build-system.build-backend is no string')
  // PEP 517: without a backend setuptools builds, and needs what it needs.
  if (backend === undefined)
    return done({ ...LEGACY, requires: [...new Set([...requires, ...LEGACY.requires])] })
  return done({ requires, backend, backendPath })
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function invalid(why: string): Step<never> {
  return failed('package', 'bad-pyproject', `its pyproject.toml is not valid: ${why}`)
}
