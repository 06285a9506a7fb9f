import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../config/load-config.ts'
import type { BuildLimits, Hardware } from '../core/record.ts'

/** Less is no offer at all, whatever is reserved. */
const MIN_BUILD_MEMORY_BYTES = 16 * 1024 ** 2

/** What this machine is, as far as it says so; never a serial number. */
export async function describeHardware(): Promise<Hardware> {
  const model = await readFile('/proc/device-tree/model', 'utf8').catch(() => '')
  return {
    arch: process.arch,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    model: model.replaceAll('\0', '').trim().slice(0, 200)
  }
}

/** What a build may take here, at the most. */
export function limitsOf({ build, caps }: Pick<Config, 'build' | 'caps'>): BuildLimits {
  const { memoryBytes, diskBytes, wallMs } = build
  const most = Math.max(MIN_BUILD_MEMORY_BYTES, totalmem() - caps.reserveMemory)
  return { memoryBytes: Math.min(memoryBytes, most), diskBytes, wallMs }
}

/** What a build may take while it is the only one: the memory of all slots. */
export function limitsAlone(config: Pick<Config, 'build' | 'caps' | 'slots'>): BuildLimits {
  const { build, caps, slots } = config
  return limitsOf({ build: { ...build, memoryBytes: build.memoryBytes * slots }, caps })
}

/** Processors that builds may use together. */
export function coresOf({ caps }: Pick<Config, 'caps'>): number {
  const all = availableParallelism()
  return caps.cores === 0 ? all : Math.min(caps.cores, all)
}
