import { libcVersionOf, pythonVersionOf, type Target } from './target.ts'
import type { WheelTag } from './wheel-name.ts'

type Pair = readonly [major: number, minor: number]

/**
 * How far a wheel reaches. `pure`: every platform; `platform`: every Python of a platform (`py3-none-linux_…`);
 * `abi3`: every newer CPython of a platform (PEP 384, PEP 803); `compiled`: one Python of a platform.
 */
export type WheelReach = 'pure' | 'platform' | 'abi3' | 'compiled'

/** Glibc of the names that came before PEP 600 (PEP 513, 571, 599). */
const OLD_MANYLINUX: Readonly<Record<string, Pair>> = {
  manylinux1: [2, 5],
  manylinux2010: [2, 12],
  manylinux2014: [2, 17]
}
/** Before these, no manylinux wheel of the architecture can exist. */
const OLDEST_X86_GLIBC: Pair = [2, 5]
const OLDEST_GLIBC: Pair = [2, 17]
/** The first Python 3 with a stable ABI (PEP 384). */
const OLDEST_ABI3: Pair = [3, 2]

/** Whether pip on such a target would install a wheel with these tags: one that fits is enough. */
export function wheelFitsTarget(tags: readonly WheelTag[], target: Target): boolean {
  const fits = targetTags(target)
  return tags.some(fits)
}

/** A mesh has a handful of targets and a hundred thousand wheels. */
const matchers = new WeakMap<Target, (tag: WheelTag) => boolean>()

/** The tags of PEP 425 and their successors that fit a target, as a question to ask of each. */
export function targetTags(target: Target): (tag: WheelTag) => boolean {
  const known = matchers.get(target)
  if (known !== undefined) return known
  const made = makeMatcher(target)
  matchers.set(target, made)
  return made
}

function makeMatcher(target: Target): (tag: WheelTag) => boolean {
  const fitsPlatform = platformsOf(target)
  const fitsPython = target.python.startsWith('pp') ? pypyTags(target) : cpythonTags(target)
  return (tag) => {
    const anywhere = tag.platform === 'any'
    if (!anywhere && !fitsPlatform(tag.platform)) return false
    if (anywhere && tag.abi !== 'none') return false
    return fitsPython(tag, anywhere) || (tag.abi === 'none' && fitsGenericPython(tag.python, target))
  }
}

/** Classifies by the widest of the tags. */
export function classifyWheel(tags: readonly WheelTag[]): WheelReach {
  if (tags.some(({ abi, platform }) => abi === 'none' && platform === 'any')) return 'pure'
  if (tags.some(({ abi }) => abi === 'none')) return 'platform'
  return tags.some(({ abi }) => abi === 'abi3' || abi === 'abi3t') ? 'abi3' : 'compiled'
}

type PythonMatcher = (tag: WheelTag, anywhere: boolean) => boolean

function cpythonTags(target: Target): PythonMatcher {
  const own = pythonVersionOf(target)
  const freeThreaded = target.python.endsWith('t')
  const interpreter = freeThreaded ? target.python.slice(0, -1) : target.python
  // Python 3.7 and older put the allocator into the name of the ABI.
  const abi = own[0] === 3 && own[1] < 8 ? `${interpreter}m` : target.python
  const stable = freeThreaded ? 'abi3t' : 'abi3'
  return (tag) => {
    if (tag.python === interpreter && (tag.abi === abi || tag.abi === 'none')) return true
    const version = tag.abi === stable ? versionIn(tag.python, 'cp') : undefined
    return version !== undefined && atLeast(version, OLDEST_ABI3) && isSameMajorUpTo(version, own)
  }
}

/** PyPy's own ABI has been `pp73` since Python 3.6. */
function pypyTags(target: Target): PythonMatcher {
  const abi = `pypy${target.python.slice(2)}_pp73`
  return (tag) => tag.python === target.python && (tag.abi === abi || tag.abi === 'none')
}

/** `py3`, and `py3X` up to the target's own. */
function fitsGenericPython(python: string, target: Target): boolean {
  const own = pythonVersionOf(target)
  if (python === `py${own[0]}`) return true
  const version = versionIn(python, 'py')
  return version !== undefined && isSameMajorUpTo(version, own)
}

function platformsOf(target: Target): (platform: string) => boolean {
  const arch = target.platform.replace(/^linux_/, '')
  const libc = libcVersionOf(target)
  const needs = target.libc.startsWith('musl') ? neededMusl : neededGlibc
  return (platform) => {
    if (platform === target.platform) return true
    const prefix = platform.endsWith(`_${arch}`) ? platform.slice(0, -arch.length - 1) : ''
    const needed = needs(prefix, arch)
    return needed !== undefined && atLeast(libc, needed)
  }
}

/** The glibc behind `manylinux_2_28` or `manylinux2014`, if the architecture has such wheels (PEP 600). */
function neededGlibc(prefix: string, arch: string): Pair | undefined {
  if (arch === 'armv6l') return undefined
  const needed = OLD_MANYLINUX[prefix] ?? numbersOf(/^manylinux_(\d+)_(\d+)$/.exec(prefix))
  const oldest = arch === 'x86_64' || arch === 'i686' ? OLDEST_X86_GLIBC : OLDEST_GLIBC
  return needed && atLeast(needed, oldest) ? needed : undefined
}

/** PEP 656. A musl of another major number promises nothing. */
function neededMusl(prefix: string): Pair | undefined {
  return numbersOf(/^musllinux_(1)_(\d+)$/.exec(prefix))
}

function versionIn(python: string, implementation: string): Pair | undefined {
  const match = /^([a-z]+)(\d)(\d{1,3})$/.exec(python)
  return match?.[1] === implementation ? [Number(match[2]), Number(match[3])] : undefined
}

function numbersOf(match: RegExpExecArray | null): Pair | undefined {
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

function isSameMajorUpTo(version: Pair, own: Pair): boolean {
  return version[0] === own[0] && version[1] <= own[1]
}

function atLeast(a: Pair, b: Pair): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1])
}
