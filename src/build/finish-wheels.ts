import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { TargetId } from '../core/ids.ts'
import type { BlobStore, RetaggedWheel } from '../core/ports.ts'
import type { WheelRef } from '../core/record.ts'
import { parseTarget } from '../core/target.ts'
import { parseWheelName } from '../core/wheel-name.ts'
import type { BuildRun } from './build-run.ts'
import { collectWheel } from './collect-output.ts'
import type { InspectWheel, WheelFacts } from './inspect-port.ts'
import { clipReason } from '../core/failure-causes.ts'
import { retagWheel, type Retagging } from './retag-wheel.ts'
import type { SmokeTester } from './smoke-test.ts'
import { done, failed, type Step } from './step.ts'
import { WheelRefusal } from './wheel-refusal.ts'

export interface FinishParts {
  readonly blobs: BlobStore
  readonly inspectWheel: InspectWheel
  readonly smokeTest: SmokeTester
}

/** What one build comes to. */
export interface BuiltWheels {
  readonly wheel: WheelRef
  readonly retagged?: RetaggedWheel
}

interface GoodWheel {
  readonly path: string
  readonly facts: WheelFacts
}

/**
 * What hatchling, poetry-core and others that take the interpreter's first tag write on a 32-bit system with a 64-bit kernel. It is
 * ARMv7 code, which the inspection sees to, and old pips and real ARMv7 kernels do not know the name.
 */
const ARMV8L: Retagging = { from: 'linux_armv8l', to: 'linux_armv7l' }

/** From what the build left to stored wheels: collect, name the platform, inspect, retag for others, store. */
export async function finishWheels(
  { blobs, inspectWheel, smokeTest }: FinishParts,
  run: BuildRun,
  compiledFrom?: string
): Promise<Step<BuiltWheels>> {
  await run.onPhase('inspect')
  const good = await inspectOwn(inspectWheel, run)
  if (good.kind === 'failed') return good
  const said = await lookCloser(run, good.value, { smokeTest, compiledFrom })
  const [other] = good.value.facts.alsoRunsOn
  const retagged = other === undefined ? undefined : await retagFor(other, good.value, { inspectWheel, run })
  await run.onPhase('store')
  const wheel = { ...(await store(blobs, good.value)), ...said }
  if (other === undefined || retagged === undefined) return done({ wheel })
  // the same code: what was said of the one holds for the other
  return done({
    wheel,
    retagged: { target: other, wheel: { ...(await store(blobs, retagged)), ...said } }
  })
}

interface Closer {
  readonly smokeTest: SmokeTester
  readonly compiledFrom: string | undefined
}

/** What does not stand against publishing a wheel, and is said of it. */
async function lookCloser(
  run: BuildRun,
  { path, facts }: GoodWheel,
  { smokeTest, compiledFrom }: Closer
): Promise<Pick<WheelRef, 'smoke' | 'suspicious'>> {
  const { log } = run.context
  const smoke = await smokeTest(run.context, path)
  await log.line(`import: ${smoke.outcome}, ${smoke.modules} modules ${smoke.reason}`.trim())
  const suspicious = suspicionOf(basename(path), facts, compiledFrom)
  if (suspicious === undefined) return { smoke }
  await log.line(`suspicious: ${suspicious}`)
  return { smoke, suspicious }
}

/** Why a wheel may be a silent fall-back: many a setup.py goes on without its extension when that does not compile. */
function suspicionOf(
  filename: string,
  { isHollow }: WheelFacts,
  compiledFrom: string | undefined
): string | undefined {
  if (isHollow) return 'its tags name a platform, and there is no compiled code in it'
  const isPure = parseWheelName(filename)?.tags.every(({ platform }) => platform === 'any') ?? false
  if (!isPure || compiledFrom === undefined) return undefined
  return clipReason(`its source has code to compile (${compiledFrom}), and there is none in it`)
}

async function inspectOwn(inspectWheel: InspectWheel, run: BuildRun): Promise<Step<GoodWheel>> {
  const { work, interpreter } = run.context
  const collected = await collectWheel(join(work.build, 'out'), work.own, run.options.maxWheelBytes)
  if (collected.kind === 'failed') return collected
  const scratchDir = join(work.own, 'inspect')
  await mkdir(scratchDir)
  try {
    const path = await underOwnPlatform(collected.value, run)
    const verdict = await inspectWheel(path, {
      job: run.request.job,
      pythonTags: interpreter.tags,
      scratchDir
    })
    if (verdict.kind === 'ok') return done({ path, facts: verdict.facts })
    return failed('package', verdict.cause, verdict.reason)
  } catch (error) {
    if (!(error instanceof WheelRefusal)) throw error
    return failed('package', error.detail.cause, error.detail.reason)
  }
}

async function underOwnPlatform(path: string, run: BuildRun): Promise<string> {
  const { platform } = parseTarget(run.request.job.target)
  const tags = parseWheelName(basename(path))?.tags ?? []
  if (platform !== ARMV8L.to || !tags.some((tag) => tag.platform === ARMV8L.from)) return path
  return retagInto('platform', path, { tagging: ARMV8L, run })
}

/** The same wheel for another target, if it passes that one's inspection; undefined with a line in the log when it does not. */
async function retagFor(
  other: TargetId,
  { path }: GoodWheel,
  { inspectWheel, run }: { readonly inspectWheel: InspectWheel; readonly run: BuildRun }
): Promise<GoodWheel | undefined> {
  const { work, interpreter, log } = run.context
  const from = parseTarget(run.request.job.target).platform
  const to = parseTarget(other).platform
  try {
    const made = await retagInto('retagged', path, { tagging: { from, to }, run })
    const verdict = await inspectWheel(made, {
      job: { ...run.request.job, target: other },
      pythonTags: interpreter.tags.map((tag) => tag.replace(new RegExp(`-${from}$`), `-${to}`)),
      scratchDir: join(work.own, 'inspect')
    })
    if (verdict.kind === 'ok') return { path: made, facts: verdict.facts }
    await log.line(`not offered for ${to}: ${verdict.reason}`)
  } catch (error) {
    if (!(error instanceof WheelRefusal)) throw error
    await log.line(`not offered for ${to}: ${error.detail.reason}`)
  }
  return undefined
}

async function retagInto(
  folder: string,
  path: string,
  { tagging, run }: { readonly tagging: Retagging; readonly run: BuildRun }
): Promise<string> {
  const { work, log } = run.context
  const into = join(work.own, folder)
  await mkdir(into)
  const made = await retagWheel(path, into, tagging)
  await log.line(`retagged: ${basename(made)}, of ${tagging.from}`)
  return made
}

async function store(blobs: BlobStore, { path, facts }: GoodWheel): Promise<WheelRef> {
  const wheel = await blobs.write(createReadStream(path))
  const metadata = await blobs.write(once(facts.metadata))
  return {
    filename: basename(path),
    sha256: wheel.digest,
    size: wheel.size,
    ...(wheel.pieces === undefined ? {} : { pieces: wheel.pieces }),
    metadata: metadata.digest,
    metadataSize: metadata.size,
    requiresPython: facts.requiresPython,
    aptPackages: facts.aptPackages,
    glibcFloor: facts.glibcFloor,
    normalized: facts.normalized
  }
}

/** Bytes as the stream that a blob store takes. */
export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
