import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../../src/build/run-tool.ts'
import { createMachineReadings } from '../../src/node/pausing/machine-readings.ts'
import type { Check, CheckContext, Finding } from '../../src/node/doctor/check.ts'
import { machineChecks } from '../../src/node/doctor/machine-checks.ts'

async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'cw-machine-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), `${text}\n`)
  }
  return root
}

test('of a Raspberry Pi: zones, firmware, voltage monitor, memory, pressure', async () => {
  const root = await tree({
    'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
    'sys/class/thermal/thermal_zone0/temp': '61835',
    'sys/class/thermal/thermal_zone1/type': 'iwlwifi_1',
    'sys/class/thermal/thermal_zone1/temp': '99000',
    'sys/class/hwmon/hwmon0/name': 'rpi_volt',
    'sys/class/hwmon/hwmon0/in0_lcrit_alarm': '0',
    'sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled': '50005',
    'proc/meminfo': 'MemTotal: 3884324 kB\nMemFree: 100 kB\nMemAvailable: 2048 kB',
    'proc/pressure/cpu': 'some avg10=12.34 avg60=5.00 avg300=1.00 total=1',
    'proc/pressure/memory': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=9.00'
  })
  const readings = createMachineReadings(root)
  expect(await readings.temperature()).toBe(61.835)
  expect(await readings.power()).toEqual({ isLow: true, isThrottled: true })
  expect(await readings.availableMemory()).toBe(2048 * 1024)
  expect([await readings.pressure('cpu'), await readings.pressure('memory')]).toEqual([12.34, 0])
  // What happened since boot is no reason for ever.
  const later = createMachineReadings(
    await tree({ 'sys/devices/platform/soc/soc:firmware/get_throttled': '0x50000' })
  )
  expect(await later.power()).toEqual({ isLow: false, isThrottled: false })
  const dip = await tree({
    'sys/class/hwmon/hwmon1/name': 'rpi_volt',
    'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1'
  })
  expect(await createMachineReadings(dip).power()).toEqual({ isLow: true, isThrottled: false })
})

test('of a PC, and of a machine that says nothing', async () => {
  const pc = await tree({
    'sys/class/hwmon/hwmon0/name': 'nvme',
    'sys/class/hwmon/hwmon0/temp1_input': '90000',
    'sys/class/hwmon/hwmon1/name': 'coretemp',
    'sys/class/hwmon/hwmon1/temp1_input': '55000',
    'sys/class/hwmon/hwmon1/temp2_input': '0'
  })
  expect(await createMachineReadings(pc).temperature()).toBe(55)
  const mute = createMachineReadings(await tree({}))
  expect([
    await mute.temperature(),
    await mute.power(),
    await mute.availableMemory(),
    await mute.pressure('cpu')
  ]).toEqual([undefined, undefined, undefined, undefined])
})

/** Mounting needs root, and a kernel that lets it. */
test('a file system that turns read-only, and one that is full of files', async ({ skip }) => {
  const folder = await tree({})
  const mounted = await runTool('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=100', 'tmpfs', folder])
  if (mounted.code !== 0) skip('a tmpfs cannot be mounted here')
  try {
    const readings = createMachineReadings()
    expect([await readings.mayWrite(folder), await readings.tryWrite(folder)]).toEqual([undefined, undefined])
    for (let at = 0; at < 95; at++) await writeFile(join(folder, String(at)), '')
    const { freeInodes, inodes } = await readings.room(folder)
    expect(freeInodes / inodes).toBeLessThan(0.05)
    await writeFile(join(folder, 'large'), Buffer.alloc(2 * 1024 ** 2)).catch(() => undefined)
    expect(await readings.tryWrite(folder)).toBe('ENOSPC')
    await runTool('mount', ['-o', 'remount,ro', folder])
    expect([await readings.mayWrite(folder), await readings.tryWrite(folder)]).toEqual(['EROFS', 'EROFS'])
  } finally {
    await runTool('umount', [folder])
  }
})

test('doctor tells heat and low voltage with their cures, and passes over what a machine does not say', async () => {
  const config = { caps: { temperature: 80 }, buildDir: '', build: { diskBytes: 1 } }
  const context = { config } as unknown as CheckContext
  const findings = async (files: Readonly<Record<string, string>>): Promise<readonly Finding[]> => {
    const checks: readonly Check[] = machineChecks(createMachineReadings(await tree(files)))
    return Promise.all(checks.map((check) => check.run(context)))
  }
  const levels = (found: readonly Finding[]): readonly string[] => found.map(({ level }) => level)
  expect(levels(await findings({}))).toEqual(['skipped', 'skipped', 'ok'])
  const hot = {
    'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
    'sys/class/thermal/thermal_zone0/temp': '82000',
    'sys/devices/platform/soc/soc:firmware/get_throttled': '0x5'
  }
  const found = await findings(hot)
  expect(levels(found)).toEqual(['warning', 'failure', 'ok'])
  expect(found[0]).toMatchObject({ found: '82 °C, and no build begins from 80 °C on' })
  expect(found[1]?.cure).toMatch(/power supply/)
})

test('doctor looks at the folder of builds', async () => {
  const [, , check] = machineChecks()
  const run = (buildDir: string, diskBytes: number): Promise<Finding> | undefined =>
    check?.run({ config: { buildDir, build: { diskBytes } } } as unknown as CheckContext)
  const folder = await tree({})
  expect(await run(folder, 1)).toMatchObject({ level: 'ok' })
  expect(await run(folder, 2 ** 60)).toMatchObject({ level: 'warning' })
  expect(await run(join(folder, 'not-mounted'), 1)).toMatchObject({ level: 'failure' })
})
