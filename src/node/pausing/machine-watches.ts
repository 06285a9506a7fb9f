import { minutesUntilOpen, parseHours, type HourWindow } from '../../core/hours.ts'
import type { Clock } from '../../core/ports.ts'
import type { MachineReadings } from './machine-readings.ts'
import { CLOCK_BEHIND_MS, COOLER_CELSIUS, SANDBOX_AGAIN_MS, SANDBOX_PROBE_MS } from './pause-limits.ts'
import { HOLD_MS } from './steady-cause.ts'
import { AT_ONCE, type Objection, type Watch } from './watch.ts'

const MiB = 1024 ** 2
const MINUTE_MS = 60_000
/** Readings in a row, half a minute: a compiler that ends, or a page that is loaded, is no reason. */
const SEVERAL = 3

/** What a person allows builds to take of this machine: docs/configuration.md. */
export interface Caps {
  readonly hours: string
  readonly reserveMemory: number
  /** °C; 0: no bound. */
  readonly temperature: number
  /** Percent; 0: no bound. */
  readonly cpuPressure: number
  readonly memoryPressure: number
}

export interface MachineWatchParts {
  readonly clock: Clock
  readonly readings: MachineReadings
  readonly caps: Caps
  /** A build runs here: what it needs is no trouble of the machine. */
  isBuilding(): boolean
  /** No right clock says less. */
  readonly madeMs: number
  /** By how much the clocks of others are ahead, as far as that is known. */
  behindMs(): number | undefined
  /** Why the sandbox does not run, tried anew; undefined: this node builds nothing. */
  readonly trySandbox?: (() => Promise<string | undefined>) | undefined
}

export function machineWatches(parts: MachineWatchParts): readonly Watch[] {
  const { trySandbox } = parts
  return [
    power(parts),
    heat(parts),
    rightClock(parts),
    ...(trySandbox === undefined ? [] : [sandbox(parts, trySandbox)]),
    memory(parts),
    load(parts),
    hours(parts)
  ]
}

function power({ readings }: MachineWatchParts): Watch {
  return {
    cause: 'undervoltage',
    // While it rests the voltage is good again: nothing but a longer rest keeps it from going to and fro.
    steadiness: { patience: 1, holdMs: 2 * HOLD_MS, growing: true },
    async look() {
      if ((await readings.power())?.isLow !== true) return undefined
      return {
        reason:
          'the supply voltage is too low, which corrupts cards: use the power supply made for this board, and a short cable'
      }
    }
  }
}

function heat({ readings, caps: { temperature: bound } }: MachineWatchParts): Watch {
  return {
    cause: 'heat',
    steadiness: { patience: SEVERAL, holdMs: HOLD_MS },
    async look(isSet) {
      if (bound === 0) return undefined
      const [celsius, power] = await Promise.all([readings.temperature(), readings.power()])
      const below = bound - COOLER_CELSIUS
      if (celsius !== undefined && celsius >= (isSet ? below : bound)) {
        return {
          reason: `the processor has ${Math.round(celsius)} °C, and the bound is ${bound} °C: it builds again below ${below} °C; give it air, or a fan`
        }
      }
      // A board that is throttled for want of volts says so by itself.
      if (power?.isThrottled !== true || power.isLow) return undefined
      return { reason: 'the firmware slows the processor down because of heat: give it air, or a fan' }
    }
  }
}

function rightClock(parts: MachineWatchParts): Watch {
  const { clock, madeMs } = parts
  return {
    cause: 'clock',
    steadiness: AT_ONCE,
    async look(isSet) {
      const wallMs = clock.wallMs()
      const cure = 'timedatectl set-ntp true; a Pi has no clock of its own, and needs the network for it'
      if (wallMs < madeMs)
        return {
          reason: `the clock says ${dateOf(wallMs)}, and this program is from ${dateOf(madeMs)}: ${cure}`
        }
      const behind = parts.behindMs() ?? 0
      if (behind < (isSet ? CLOCK_BEHIND_MS / 2 : CLOCK_BEHIND_MS)) return undefined
      return {
        reason: `the clock is ${Math.round(behind / MINUTE_MS)} min behind those of the others: ${cure}`
      }
    }
  }
}

/** Tried while nothing is built, and more often while it fails. */
function sandbox(parts: MachineWatchParts, trySandbox: () => Promise<string | undefined>): Watch {
  const { clock } = parts
  // The start has tried it just now.
  let triedMs = clock.monotonicMs()
  let known: Objection | undefined
  return {
    cause: 'sandbox',
    steadiness: AT_ONCE,
    async look() {
      const everyMs = known === undefined ? SANDBOX_PROBE_MS : SANDBOX_AGAIN_MS
      if (parts.isBuilding() || clock.monotonicMs() - triedMs < everyMs) return known
      triedMs = clock.monotonicMs()
      const reason = await trySandbox()
      known = reason === undefined ? undefined : { reason }
      return known
    }
  }
}

function memory(parts: MachineWatchParts): Watch {
  const { readings, caps } = parts
  const { reserveMemory, memoryPressure } = caps
  return {
    cause: 'memory',
    steadiness: { patience: SEVERAL, holdMs: HOLD_MS },
    async look(isSet) {
      if (parts.isBuilding()) return undefined
      const free = await readings.availableMemory()
      if (free !== undefined && free < reserveMemory)
        return {
          reason: `only ${Math.floor(free / MiB)} MiB of memory are free, and reserveMemory keeps ${Math.floor(reserveMemory / MiB)} MiB: end something else`
        }
      return tooMuch(await readings.pressure('memory'), { bound: memoryPressure, isSet, what: 'memory' })
    }
  }
}

function load(parts: MachineWatchParts): Watch {
  const { readings, caps } = parts
  return {
    cause: 'load',
    steadiness: { patience: SEVERAL, holdMs: HOLD_MS },
    async look(isSet) {
      if (parts.isBuilding()) return undefined
      return tooMuch(await readings.pressure('cpu'), {
        bound: caps.cpuPressure,
        isSet,
        what: 'the processor'
      })
    }
  }
}

function tooMuch(
  share: number | undefined,
  { bound, isSet, what }: { readonly bound: number; readonly isSet: boolean; readonly what: string }
): Objection | undefined {
  if (bound === 0 || share === undefined || share < (isSet ? bound / 2 : bound)) return undefined
  return {
    reason: `other programs wait for ${what} ${Math.round(share)} % of the time, and the bound is ${bound} %: it builds when they are done`
  }
}

function hours({ clock, caps }: MachineWatchParts): Watch {
  const windows = parseHours(caps.hours)
  return {
    cause: 'hours',
    steadiness: AT_ONCE,
    async look() {
      const untilMs = opensMs(windows, clock.wallMs())
      return untilMs === undefined
        ? undefined
        : { reason: `it builds in these hours only: ${caps.hours}`, untilMs }
    }
  }
}

/** When the next window opens, by the machine's own time of day; undefined: one is open. */
function opensMs(windows: readonly HourWindow[], wallMs: number): number | undefined {
  if (windows.length === 0) return undefined
  const now = new Date(wallMs)
  const minute = now.getHours() * 60 + now.getMinutes()
  const wait = minutesUntilOpen(windows, { day: now.getDay(), minute })
  if (wait === 0) return undefined
  // By the calendar, not by adding up: the night in which the clocks change has an hour more or less.
  return new Date(now.getFullYear(), now.getMonth(), now.getDate(), 0, minute + wait).getTime()
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
