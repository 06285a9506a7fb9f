import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import type { BuildLimits, Hardware } from '../core/record.ts'

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

/** What a build may take here. */
export function capacityOf({ memoryBytes, diskBytes, wallMs }: BuildLimits): BuildLimits {
  return { memoryBytes: Math.min(memoryBytes, totalmem()), diskBytes, wallMs }
}
