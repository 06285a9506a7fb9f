import '../../src/node/polyfills.ts'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createAptPackages } from '../../src/build/apt-packages.ts'
import type { BuildRun } from '../../src/build/build-run.ts'
import { finishWheels, once } from '../../src/build/finish-wheels.ts'
import { createWheelInspector } from '../../src/build/inspect-wheel.ts'
import type { SmokeTester } from '../../src/build/smoke-test.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { BlobStore, BuildReport, BuildRequest } from '../../src/core/ports.ts'
import { parseTarget } from '../../src/core/target.ts'
import type { setupBuilder } from '../../src/node/setup-builder.ts'
import { makeElf } from './make-elf.ts'
import { makeWheel } from './make-wheel.ts'
import { runWithBuilder } from './run-with-builder.ts'

/*
 * `commonwheel` on a Raspberry Pi, as far as a machine of another kind can be one: its compiler is made up, and leaves a wheel for
 * ARMv7 with ARMv6 code. All that follows, inspection, retagging for ARMv6, storing, publishing, is the program's own.
 */

const TARGET = parseTarget('cp311-linux_armv7l-glibc2.36')
const TAGS = ['cp311-cp311-linux_armv7l', 'py3-none-linux_armv7l', 'py3-none-any']
/** What Raspberry Pi OS compiles for: ARMv6, hard floats. */
const ARMV6 = {
  machine: 40,
  wide: false,
  flags: 0x5000400,
  arm: { cpu: 6, thumb: 1, fp: 2, vfpArgs: 1 }
} as const

async function build(blobs: BlobStore, request: BuildRequest): Promise<BuildReport> {
  const { project: name, version } = request.job
  const folder = await mkdtemp(join(tmpdir(), 'commonwheel-pi-'))
  try {
    const work = { build: join(folder, 'build'), own: join(folder, 'own') }
    await mkdir(join(work.build, 'out'), { recursive: true })
    await mkdir(work.own)
    const module = name.replaceAll('-', '_')
    const files = {
      [`${module}/__init__.py`]: `version = ${JSON.stringify(version)}\n`,
      [`${module}/fast.so`]: makeElf(ARMV6)
    }
    const wheel = makeWheel({ name, version, tag: 'py3-none-linux_armv7l', files })
    await writeFile(join(work.build, 'out', wheel.filename), wheel.bytes)
    const lines: string[] = []
    const run = {
      context: { work, interpreter: { tags: TAGS }, log: { line: async (text: string) => lines.push(text) } },
      request,
      options: { maxWheelBytes: 1_000_000 },
      onPhase: async () => undefined
    } as unknown as BuildRun
    // there is no sandbox for a made wheel
    const smokeTest: SmokeTester = async () => ({ outcome: 'unknown', modules: 0, reason: 'not tried' })
    const inspectWheel = createWheelInspector(createAptPackages(join(folder, 'no-dpkg')))
    const step = await finishWheels({ blobs, inspectWheel, smokeTest }, run)
    const log = await blobs.write(once(gzipSync(`${lines.join('\n')}\n`)))
    const about = {
      log: { sha256: log.digest, size: log.size },
      durationMs: 1_000,
      environment: ENVIRONMENT
    }
    return step.kind === 'done' ? { ...about, ...step.value } : { ...about, failure: step.failure }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const ENVIRONMENT = {
  digest: sha256Hex('a made-up Raspberry Pi'),
  python: 'CPython 3.11.2',
  compiler: 'none',
  os: 'none',
  sandboxLevel: 3 as const,
  requirements: []
}

const setUpPi: typeof setupBuilder = async (_, { blobs }) => ({
  builder: { build: (request) => build(blobs, request) },
  targets: [TARGET],
  refusal: undefined
})

process.exit(await runWithBuilder(setUpPi))
