import type { TargetId } from './ids.ts'

/** What a wheel is built for. */
export interface Target {
  readonly id: TargetId
  /** Interpreter and ABI in short: `cp311`, `cp313t` (free-threaded), `pp310`. */
  readonly python: string
  /** Platform part of a wheel tag: `linux_armv7l`, `linux_aarch64`, `linux_x86_64`. */
  readonly platform: string
  /** The C library that built wheels will need at least: `glibc2.36`. */
  readonly libc: string
}

const SHAPE = /^((?:cp|pp)\d{2,4}t?)-([a-z0-9_]{1,40})-((?:glibc|musl)\d{1,2}\.\d{1,3})$/

export function parseTarget(text: unknown): Target {
  const match = typeof text === 'string' ? SHAPE.exec(text) : null
  if (match === null)
    throw new TypeError(`not a target: ${typeof text === 'string' ? text.slice(0, 80) : typeof text}`)
  return { id: match[0] as TargetId, python: match[1] ?? '', platform: match[2] ?? '', libc: match[3] ?? '' }
}

export function isTargetId(text: unknown): text is TargetId {
  return typeof text === 'string' && SHAPE.test(text)
}

/** The same Python and C library on another platform. */
export function withPlatform({ python, libc }: Target, platform: string): Target {
  return parseTarget(`${python}-${platform}-${libc}`)
}

/** `cp39` → [3, 9], `cp311` → [3, 11]: text order would put cp39 last. */
export function pythonVersionOf(target: Target): readonly [major: number, minor: number] {
  return numbersOf(target).python
}

/** `glibc2.36` → [2, 36]. */
export function libcVersionOf(target: Target): readonly [major: number, minor: number] {
  return numbersOf(target).libc
}

type Pair = readonly [major: number, minor: number]

interface TargetNumbers {
  readonly python: Pair
  readonly libc: Pair
}

/** Asked for millions of times when a large queue is made, of a handful of targets. */
const numbers = new WeakMap<Target, TargetNumbers>()

function numbersOf(target: Target): TargetNumbers {
  const known = numbers.get(target)
  if (known !== undefined) return known
  const digits = target.python.replace(/^\D+/, '').replace(/t$/, '')
  const [major = '0', minor = '0'] = target.libc.replace(/^[a-z]+/, '').split('.')
  const made: TargetNumbers = {
    python: [Number(digits[0]), Number(digits.slice(1) || '0')],
    libc: [Number(major), Number(minor)]
  }
  numbers.set(target, made)
  return made
}

/** `glibc` or `musl`: nothing linked against the one runs with the other. */
export function libcFamilyOf(target: Target): string {
  return target.libc.replace(/[\d.]+$/, '')
}

/** Lowest Python first, then the oldest libc baseline, then by text: the order in which the cascade offers targets. */
export function compareTargets(a: Target, b: Target): number {
  const [aMajor, aMinor] = pythonVersionOf(a)
  const [bMajor, bMinor] = pythonVersionOf(b)
  const [aLibc, aLibcMinor] = libcVersionOf(a)
  const [bLibc, bLibcMinor] = libcVersionOf(b)
  return (
    aMajor - bMajor || aMinor - bMinor || aLibc - bLibc || aLibcMinor - bLibcMinor || compareText(a.id, b.id)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
