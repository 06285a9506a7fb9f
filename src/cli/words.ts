import { parseJobId } from '../core/job.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** `4 min 10 s`: the two largest units, and tenths below a second. */
export function durationInWords(ms: number): string {
  // Cut, not rounded: 0.96 s is not a second yet.
  if (ms < second) return `${(Math.floor(Math.max(0, ms) / 100) / 10).toFixed(1)} s`
  const whole = Math.floor(ms / second) * second
  if (whole < minute) return `${whole / second} s`
  if (whole < hour) return pair(whole, [minute, 'min'], [second, 's'])
  if (whole < day) return pair(whole, [hour, 'h'], [minute, 'min'])
  return pair(whole, [day, 'd'], [hour, 'h'])
}

type Unit = readonly [ms: number, word: string]

function pair(ms: number, [large, largeWord]: Unit, [small, smallWord]: Unit): string {
  const rest = Math.floor((ms % large) / small)
  const head = `${Math.floor(ms / large)} ${largeWord}`
  return rest === 0 ? head : `${head} ${rest} ${smallWord}`
}

/** `18:30`, or with the date when that is another day than `nowMs`: by the clock of this machine. */
export function timeInWords(ms: number, nowMs: number): string {
  const [then, now] = [new Date(ms), new Date(nowMs)]
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`
  if (then.toDateString() === now.toDateString()) return time
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`
}

/** `1.4 MiB` */
export function sizeInWords(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** `1 node`, `3 nodes` */
export function countOf(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

/** Text of others without what steers a terminal or turns the reading order. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** `numpy 2.3.1 for cp313`; what is no job id stays as it is. */
export function jobInWords(id: string): string {
  try {
    const { project, version, target } = parseJobId(id)
    return `${project} ${version} for ${pythonOf(target)}`
  } catch {
    return plain(id)
  }
}

/** `cp313` of `cp313-linux_armv7l-glibc2.41` */
function pythonOf(target: string): string {
  return plain(target.split('-', 1)[0] ?? target)
}

/** The end of a node id: all of them begin alike. */
export function shortNodeId(id: string): string {
  return plain(id.slice(-8))
}
