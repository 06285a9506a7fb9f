import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAptPackages } from '../../src/build/apt-packages.ts'
import type { WheelInspection } from '../../src/build/inspect-port.ts'
import { createWheelInspector } from '../../src/build/inspect-wheel.ts'
import { parseProjectName } from '../../src/core/distribution.ts'
import { parseSha256 } from '../../src/core/ids.ts'
import { parseTarget } from '../../src/core/target.ts'
import { makeWheel, type WheelPlan } from './make-wheel.ts'

export interface Inspected {
  readonly target?: string
  readonly project?: string
  readonly version?: string
  /** Takes the place of the archive's bytes. */
  readonly spoil?: (bytes: Buffer) => Buffer
  readonly dpkgInfo?: string
}

/** Makes `demo` 1.0 by the plan and has it inspected as the result of a job. */
export async function inspectMade(
  plan: Partial<WheelPlan>,
  options: Inspected = {}
): Promise<WheelInspection> {
  const wheel = makeWheel({ name: 'demo', version: '1.0', ...plan })
  const scratchDir = await mkdtemp(join(tmpdir(), 'commonwheel-inspect-'))
  try {
    const path = join(scratchDir, wheel.filename)
    await writeFile(path, options.spoil?.(wheel.bytes) ?? wheel.bytes)
    return await inspectFile(path, options)
  } finally {
    await rm(scratchDir, { recursive: true })
  }
}

export function inspectFile(path: string, options: Inspected = {}): Promise<WheelInspection> {
  const target = parseTarget(options.target ?? 'cp311-linux_aarch64-glibc2.36')
  const inspect = createWheelInspector(createAptPackages(options.dpkgInfo ?? '/nonexistent'))
  const sdist = { filename: 'demo-1.0.tar.gz', sha256: parseSha256('0'.repeat(64)) }
  return inspect(path, {
    job: {
      project: parseProjectName(options.project ?? 'demo'),
      version: options.version ?? '1.0',
      target: target.id,
      sdist
    },
    pythonTags: interpreterTags(target.python, target.platform),
    scratchDir: tmpdir()
  })
}

/** A few of the tags that such an interpreter would tell. */
function interpreterTags(python: string, platform: string): readonly string[] {
  return ['any', platform, platform.replace('linux', 'manylinux_2_28')].flatMap((plat) => [
    ...(plat === 'any' ? [] : [`${python}-${python}-${plat}`, `${python}-abi3-${plat}`, `cp38-abi3-${plat}`]),
    `${python}-none-${plat}`,
    `py3-none-${plat}`
  ])
}
