import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { clipReason } from '../core/failure-causes.ts'
import { SMOKE_OUTCOMES, type SmokeTest } from '../core/record.ts'
import { giveToBuilds } from './build-place.ts'
import type { Ending } from './launch.ts'
import { packagePath } from './package-path.ts'
import { runInside, type BuildContext } from './run-inside.ts'
import { INSIDE } from './sandbox.ts'
import { baseEnvironment } from './sandbox-env.ts'

const MiB = 1024 * 1024
/** The slowest Pi imports the largest packages in some 20 s. */
const SMOKE_WALL_MS = 60_000
/** An import that needs more than this is no use on a Pi, and no fault of the wheel. */
const SMOKE_MEMORY_BYTES = 1024 * MiB
const MARKER = 'commonwheel-smoke '
/** More than the program tries. */
const MAX_MODULES = 1_000

export type SmokeTester = (context: BuildContext, wheel: string) => Promise<SmokeTest>

/**
 * Imports the modules of an inspected wheel in a fresh sandbox: without network, without its dependencies, and with nothing of the
 * build's folders. Whatever comes of it is said in the result and changes nothing else.
 */
export async function smokeTest(context: BuildContext, wheel: string): Promise<SmokeTest> {
  const { work, limits, deadlineMs, host } = context
  const folder = join(work.path, 'smoke')
  for (const path of [folder, join(folder, 'home'), join(folder, 'tmp')]) await mkdir(path, { mode: 0o700 })
  await copyFile(wheel, join(folder, basename(wheel)))
  await giveToBuilds(folder, host.user)
  // As text: the build user may not get at the folder that this program is installed in.
  const program = await readFile(packagePath('config/python/smoke_import.py'), 'utf8')
  const bounded = {
    ...context,
    limits: { ...limits, memoryBytes: Math.min(limits.memoryBytes, SMOKE_MEMORY_BYTES) },
    deadlineMs: Math.min(deadlineMs, host.clock.monotonicMs() + SMOKE_WALL_MS)
  }
  const inside = [`${INSIDE.work}/${basename(wheel)}`, `${INSIDE.work}/site`]
  const { ending, text } = await runInside(bounded, {
    // -S: what else is installed beside pip is not to be found
    command: [`${INSIDE.tools}/bin/python`, '-I', '-S', '-c', program, ...inside],
    env: baseEnvironment(),
    work: folder
  })
  return answerIn(text) ?? { outcome: 'unknown', modules: 0, reason: withoutAnswer(ending) }
}

/** The program's last words. A wheel could say so in its place, of itself alone. */
function answerIn(text: string): SmokeTest | undefined {
  const line = text.split('\n').findLast((candidate) => candidate.startsWith(MARKER))
  try {
    const said = JSON.parse(line?.slice(MARKER.length) ?? 'null') as Record<string, unknown> | null
    const outcome = SMOKE_OUTCOMES.find((one) => one === said?.['outcome'])
    const { modules, reason } = said ?? {}
    if (outcome === undefined || typeof reason !== 'string') return undefined
    if (typeof modules !== 'number' || !Number.isInteger(modules) || modules < 0 || modules > MAX_MODULES)
      return undefined
    return { outcome, modules, reason: clipReason(reason) }
  } catch {
    return undefined
  }
}

function withoutAnswer(ending: Ending): string {
  if (ending.kind === 'breach') return `the import was ended: ${BREACHES[ending.breach] ?? ending.breach}`
  return ending.kind === 'exited' ? 'the import test gave no answer' : 'the import test did not start'
}

const BREACHES: Readonly<Partial<Record<string, string>>> = {
  wall: `it takes more than ${SMOKE_WALL_MS / 1_000} s`,
  silence: 'it waits for something that does not come',
  memory: 'it needs too much memory',
  disk: 'it writes too much'
}
