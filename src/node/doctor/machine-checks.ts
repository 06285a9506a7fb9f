import { COOLER_CELSIUS, MIN_INODES, MIN_INODE_SHARE } from '../pausing/pause-limits.ts'
import { createMachineReadings, type MachineReadings } from '../pausing/machine-readings.ts'
import { type Check, failure, ok, skipped, warning } from './check.ts'

const MiB = 1024 ** 2

/** Checks of the machine itself; `readings` are those of a made-up machine in tests. */
export function machineChecks(readings: MachineReadings = createMachineReadings()): readonly Check[] {
  return [temperature(readings), power(readings), buildFolder(readings)]
}

function temperature(readings: MachineReadings): Check {
  return {
    id: 'temperature',
    title: 'temperature',
    why: 'A hot processor slows itself down; a node begins no builds on one.',
    async run({ config: { caps } }) {
      const celsius = await readings.temperature()
      if (celsius === undefined) return skipped('this machine does not say')
      const found = `${celsius.toFixed(0)} °C`
      const bound = caps.temperature
      if (bound === 0 || celsius < bound - COOLER_CELSIUS) return ok(found)
      const cure = 'give it air, or a fan; `caps.temperature` is the bound'
      return warning(`${found}, and no build begins from ${bound} °C on`, cure)
    }
  }
}

function power(readings: MachineReadings): Check {
  return {
    id: 'power',
    title: 'power',
    why: 'A low supply voltage corrupts cards, and a throttled processor takes twice as long.',
    async run() {
      const found = await readings.power()
      if (found === undefined) return skipped('only a Raspberry Pi says')
      if (found.isLow)
        return failure(
          'the supply voltage is too low',
          'use the power supply made for this board, and a short cable'
        )
      if (found.isThrottled) return warning('the firmware slows the processor down', 'give it air, or a fan')
      return ok('the voltage is good, and nothing is throttled')
    }
  }
}

function buildFolder(readings: MachineReadings): Check {
  return {
    id: 'build-dir',
    title: 'build folder',
    why: 'Builds happen there: a disk that is not mounted, or is full, stops them all.',
    async run({ config: { buildDir, build } }) {
      if (buildDir === '') return ok('in the data folder')
      const refusal = await readings.mayWrite(buildDir)
      if (refusal !== undefined)
        return failure(
          `${buildDir} cannot be written (${refusal})`,
          'make the folder, or mount what it stands for'
        )
      const { freeBytes, freeInodes, inodes } = await readings.room(buildDir)
      if (freeInodes < Math.min(MIN_INODES, inodes * MIN_INODE_SHARE))
        return failure(
          `only ${freeInodes} inodes are free in ${buildDir}`,
          'df -i; take a larger file system'
        )
      const found = `${Math.floor(freeBytes / MiB)} MiB free in ${buildDir}`
      return freeBytes >= build.diskBytes
        ? ok(found)
        : warning(
            `${found}, and one build may use ${Math.floor(build.diskBytes / MiB)}`,
            'make room, or lower build.diskBytes'
          )
    }
  }
}
