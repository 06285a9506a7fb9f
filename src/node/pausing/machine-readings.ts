import { access, constants, readFile, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Room on the file system of a folder. */
export interface FolderRoom {
  /** Bytes that this process may still write. */
  readonly freeBytes: number
  readonly freeInodes: number
  /** 0: the file system makes them as they are needed. */
  readonly inodes: number
  /** Tells file systems apart. */
  readonly device: number
}

/** What the firmware of a Raspberry Pi says of its power. */
export interface Power {
  /** Now, or in the last two seconds. */
  readonly isLow: boolean
  /** It runs the processor slower than it could, now. */
  readonly isThrottled: boolean
}

/** What this machine says of itself; undefined where it does not say. */
export interface MachineReadings {
  /** The hottest part of the processor, in °C. */
  temperature(): Promise<number | undefined>
  power(): Promise<Power | undefined>
  /** Bytes that could be given to a program without swapping. */
  availableMemory(): Promise<number | undefined>
  /** Percent of the last ten seconds in which something had to wait for it. */
  pressure(what: 'cpu' | 'memory'): Promise<number | undefined>
  room(folder: string): Promise<FolderRoom>
  /** What the system says of writing into a folder, without writing: `EROFS`, `EACCES`; undefined: nothing against it. */
  mayWrite(folder: string): Promise<string | undefined>
  /** The same after a few bytes were written, to the disk itself. */
  tryWrite(folder: string): Promise<string | undefined>
}

/** Sensors that are no part of the processor: a radio or a battery may be hot without harm, or say nonsense. */
const OTHER_SENSORS = /^(iwl|wifi|ath|mt7|nvme|drivetemp|bat|acpi|ac$|pch|ucsi|usb|rpi_volt|power)/i
const PROBE = 'pause.probe'

/** `root`: where /sys and /proc are; tests have their own. */
export function createMachineReadings(root = '/'): MachineReadings {
  return {
    temperature: () => hottest(root),
    power: () => powerOf(root),
    async availableMemory() {
      const text = await textOf(join(root, 'proc/meminfo'))
      const [, kib] = /^MemAvailable:\s+(\d+) kB$/m.exec(text) ?? []
      return kib === undefined ? undefined : Number(kib) * 1024
    },
    async pressure(what) {
      const [, share] = /^some avg10=([\d.]+)/m.exec(await textOf(join(root, 'proc/pressure', what))) ?? []
      return share === undefined ? undefined : Number(share)
    },
    async room(folder) {
      const [{ bavail, bsize, ffree, files }, { dev }] = await Promise.all([statfs(folder), stat(folder)])
      return { freeBytes: bavail * bsize, freeInodes: ffree, inodes: files, device: dev }
    },
    async mayWrite(folder) {
      return codeOf(access(folder, constants.W_OK))
    },
    tryWrite: (folder) => codeOf(writeProbe(join(folder, PROBE)))
  }
}

/** The system's own zones first; hardware monitors where there are none, as on most PCs. */
async function hottest(root: string): Promise<number | undefined> {
  const zones = await sensors(join(root, 'sys/class/thermal'), /^thermal_zone\d+$/, {
    name: 'type',
    input: /^temp$/
  })
  if (zones.length > 0) return Math.max(...zones)
  const monitors = await sensors(join(root, 'sys/class/hwmon'), /^hwmon\d+$/, {
    name: 'name',
    input: /^temp\d+_input$/
  })
  return monitors.length > 0 ? Math.max(...monitors) : undefined
}

async function sensors(
  folder: string,
  entry: RegExp,
  files: { readonly name: string; readonly input: RegExp }
): Promise<readonly number[]> {
  const found: number[] = []
  for (const one of (await namesIn(folder)).filter((name) => entry.test(name))) {
    const path = join(folder, one)
    if (OTHER_SENSORS.test(await textOf(join(path, files.name)))) continue
    for (const input of (await namesIn(path)).filter((name) => files.input.test(name))) {
      const text = (await textOf(join(path, input))).trim()
      const celsius = Number(text) / 1000
      // A sensor that is off says 0, one that is broken anything.
      if (text !== '' && celsius > 0 && celsius < 150) found.push(celsius)
    }
  }
  return found
}

const LOW_NOW = 1 << 0
const THROTTLED_NOW = 1 << 2

/**
 * Bits of `get_throttled`: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled. Those that say what happened since
 * boot are not read: they would never go away. A short dip shows in the kernel's monitor, which looks every two seconds.
 */
async function powerOf(root: string): Promise<Power | undefined> {
  const bits = await throttledBits(join(root, 'sys/devices/platform'))
  const alarm = await voltageAlarm(join(root, 'sys/class/hwmon'))
  if (bits === undefined && alarm === undefined) return undefined
  const now = bits ?? 0
  return { isLow: alarm === true || (now & LOW_NOW) !== 0, isThrottled: (now & THROTTLED_NOW) !== 0 }
}

/** The firmware stands below the system-on-chip, whose name has its address in it on newer boards. */
async function throttledBits(platform: string): Promise<number | undefined> {
  for (const soc of (await namesIn(platform)).filter((name) => /^(soc|axi)/.test(name))) {
    for (const name of await namesIn(join(platform, soc))) {
      if (!name.endsWith(':firmware') && name !== 'firmware') continue
      const text = (await textOf(join(platform, soc, name, 'get_throttled'))).trim()
      if (/^(0x)?[0-9a-f]+$/i.test(text)) return Number.parseInt(text.replace(/^0x/i, ''), 16)
    }
  }
  return undefined
}

async function voltageAlarm(hwmon: string): Promise<boolean | undefined> {
  for (const name of await namesIn(hwmon)) {
    if ((await textOf(join(hwmon, name, 'name'))).trim() !== 'rpi_volt') continue
    const text = (await textOf(join(hwmon, name, 'in0_lcrit_alarm'))).trim()
    if (text !== '') return text !== '0'
  }
  return undefined
}

async function writeProbe(path: string): Promise<void> {
  try {
    await writeFile(path, 'probe\n', { flush: true })
  } finally {
    await rm(path, { force: true }).catch(() => undefined)
  }
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => [])
}
