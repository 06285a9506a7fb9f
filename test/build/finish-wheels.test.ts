import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, expect, test } from 'vitest'
import { createAptPackages } from '../../src/build/apt-packages.ts'
import type { BuildRun } from '../../src/build/build-run.ts'
import type { SmokeTester } from '../../src/build/smoke-test.ts'
import { finishWheels, type BuiltWheels } from '../../src/build/finish-wheels.ts'
import { createWheelInspector } from '../../src/build/inspect-wheel.ts'
import type { Step } from '../../src/build/step.ts'
import { parseProjectName } from '../../src/core/distribution.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { parseTarget } from '../../src/core/target.ts'
import { makeElf, type ElfPlan } from '../support/make-elf.ts'
import { makeWheel, type WheelPlan } from '../support/make-wheel.ts'
import { memoryBlobs } from '../support/memory-blobs.ts'

/** As pip tells them on a 32-bit Raspberry Pi OS with a 64-bit kernel. */
const TAGS = ['linux_armv8l', 'linux_armv7l', 'any'].flatMap((platform) => [
  ...(platform === 'any' ? [] : [`cp311-cp311-${platform}`]),
  `py3-none-${platform}`
])
const ARMV6: ElfPlan = {
  machine: 40,
  wide: false,
  flags: 0x5000400,
  arm: { cpu: 6, thumb: 1, fp: 2, vfpArgs: 1 }
}
const ARMV7: ElfPlan = { ...ARMV6, arm: { cpu: 10, thumb: 2, fp: 3, simd: 1, vfpArgs: 1 } }

interface Finished {
  readonly step: Step<BuiltWheels>
  readonly blobs: ReturnType<typeof memoryBlobs>
  readonly log: readonly string[]
}

const IMPORTED = { outcome: 'ok', modules: 1, reason: '' } as const
const smokeTest: SmokeTester = async () => IMPORTED

/** What a build comes to that left this wheel. */
async function finish(plan: Partial<WheelPlan>): Promise<Finished> {
  const folder = await mkdtemp(join(tmpdir(), 'commonwheel-finish-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const work = { build: join(folder, 'build'), own: join(folder, 'own') }
  await mkdir(join(work.build, 'out'), { recursive: true })
  await mkdir(work.own)
  const wheel = makeWheel({ name: 'demo', version: '1.0', ...plan })
  await writeFile(join(work.build, 'out', wheel.filename), wheel.bytes)
  const blobs = memoryBlobs()
  const log: string[] = []
  const run = {
    context: { work, interpreter: { tags: TAGS }, log: { line: async (text: string) => log.push(text) } },
    request: {
      job: {
        project: parseProjectName('demo'),
        version: '1.0',
        target: parseTarget('cp311-linux_armv7l-glibc2.36').id,
        sdist: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('sdist') }
      }
    },
    options: { maxWheelBytes: 1_000_000 },
    onPhase: async () => undefined
  } as unknown as BuildRun
  const inspectWheel = createWheelInspector(createAptPackages('/nonexistent'))
  return { step: await finishWheels({ blobs, inspectWheel, smokeTest }, run), blobs, log }
}

function wheelsOf({ step }: Finished): BuiltWheels {
  if (step.kind === 'failed') throw new Error(step.failure.reason)
  return step.value
}

test('what hatchling names by the 64-bit kernel is named by its code', async () => {
  const files = { 'demo/fast.so': makeElf(ARMV7) }
  const finished = await finish({ tag: 'cp311-cp311-linux_armv8l', files })
  const { wheel, retagged } = wheelsOf(finished)
  expect([wheel.filename, retagged]).toEqual(['demo-1.0-cp311-cp311-linux_armv7l.whl', undefined])
  expect(sha256Hex(finished.blobs.bytes.get(wheel.sha256)!)).toBe(wheel.sha256)
})

test('ARMv6 code gets the name for ARMv6 as well: another file, with the same METADATA', async () => {
  const files = { 'demo/fast.so': makeElf(ARMV6) }
  const finished = await finish({ tag: 'cp311-cp311-linux_armv8l', files })
  const { wheel, retagged } = wheelsOf(finished)
  expect(wheel.filename).toBe('demo-1.0-cp311-cp311-linux_armv7l.whl')
  expect(retagged).toMatchObject({
    target: 'cp311-linux_armv6l-glibc2.36',
    wheel: { filename: 'demo-1.0-cp311-cp311-linux_armv6l.whl', metadata: wheel.metadata }
  })
  expect(retagged!.wheel.sha256).not.toBe(wheel.sha256)
  expect([wheel.smoke, retagged!.wheel.smoke]).toEqual([IMPORTED, IMPORTED])
  expect(wheel).not.toHaveProperty('suspicious')
  expect(sha256Hex(finished.blobs.bytes.get(retagged!.wheel.sha256)!)).toBe(retagged!.wheel.sha256)
})

test('ARMv8 code under the name for ARMv8 is refused, and says why', async () => {
  const files = { 'demo/fast.so': makeElf({ ...ARMV7, arm: { cpu: 14 } }) }
  const { step } = await finish({ tag: 'cp311-cp311-linux_armv8l', files })
  expect(step).toMatchObject({ kind: 'failed', failure: { class: 'package', cause: 'wrong-machine' } })
})

test('a wheel that cannot be given its name is refused', async () => {
  const { step } = await finish({ tag: 'cp311-cp311-linux_armv8l', wheel: null })
  expect(step).toMatchObject({ kind: 'failed', failure: { class: 'package', cause: 'bad-dist-info' } })
})

test('one that is only good for ARMv7 is published for that', async () => {
  const signature = { name: 'demo-1.0.dist-info/RECORD.jws', data: '{}' }
  const finished = await finish({ tag: 'cp311-cp311-linux_armv7l', extraEntries: [signature] })
  const { wheel, retagged } = wheelsOf(finished)
  expect(retagged).toBeUndefined()
  expect(wheel.suspicious).toBe('its tags name a platform, and there is no compiled code in it')
  expect(finished.log.at(-1)).toBe('not offered for linux_armv6l: RECORD.jws would not hold for other tags')
})
