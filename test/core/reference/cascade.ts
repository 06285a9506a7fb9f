import type { CascadeInput, Outcome } from '../../../src/core/cascade.ts'
import { requiresPythonAllows } from '../../../src/core/releases.ts'
import type { Target } from '../../../src/core/target.ts'
import { parseWheelName, type WheelTag } from '../../../src/core/wheel-name.ts'
import { wheelFitsTarget } from '../../../src/core/wheel-tags.ts'
import { referenceVerdict } from './attempts.ts'

/* docs/protocol/queue.md#the-cascade, once more and naively: for each target a word, `waiting on <target>` among them. */

export function referenceCascade(input: CascadeInput): readonly (readonly [target: string, state: string])[] {
  const targets = inOrder(input.targets)
  const needy = new Set<Target>()
  const states = targets.map((target) => stateOf(target, input, needy))
  const tags = [
    ...input.release.wheels.map((wheel) => wheel.tags),
    ...input.outcomes.flatMap(({ wheel }) => (wheel === undefined ? [] : [tagsOf(wheel.filename)]))
  ]
  if (tags.some((set) => set.every(({ abi }) => abi !== 'none' && !abi.startsWith('abi3'))))
    return zip(targets, states)
  const bound = tags.some((set) => !set.some(({ abi, platform }) => abi === 'none' && platform === 'any'))
  const firsts = new Map<string, string>()
  const turns = targets.map((target, index) => {
    if (states[index] !== 'open' || needy.has(target)) return states[index]!
    const line = bound ? `${target.platform} ${familyOf(target)}` : 'all'
    const first = firsts.get(line)
    if (first !== undefined) return `waiting on ${first}`
    firsts.set(line, target.id)
    return 'open'
  })
  return zip(targets, turns)
}

function stateOf(target: Target, input: CascadeInput, needy: Set<Target>): string {
  const { release, outcomes, skipReason } = input
  if (skipReason !== undefined) return 'skipped'
  for (const { tags, yanked } of release.wheels)
    if (!yanked && wheelFitsTarget(tags, target)) return 'upstream'
  if (outcomes.some((outcome) => serves(outcome, target))) return 'built'
  if (release.sdist === undefined || !requiresPythonAllows(release.requiresPython, target)) return 'excluded'
  const attempts = outcomes
    .filter((outcome) => outcome.target.id === target.id)
    .map(({ failure, limits }) => ({ failure: failure ?? UNFIT, limits }))
  const verdict = referenceVerdict(attempts, input.offers(target.id))
  if (verdict.needs !== undefined) needy.add(target)
  return verdict.kind
}

const UNFIT = { class: 'package', cause: 'unfit-wheel', reason: '' } as const

function serves({ wheel, target: builtFor }: Outcome, target: Target): boolean {
  if (wheel === undefined || !wheelFitsTarget(tagsOf(wheel.filename), target)) return false
  if (tagsOf(wheel.filename).some(({ abi, platform }) => abi === 'none' && platform === 'any')) return true
  return familyOf(builtFor) === familyOf(target) && numberOf(builtFor) <= numberOf(target)
}

/** Lowest Python, then the oldest C library, then by text. */
function inOrder(targets: readonly Target[]): readonly Target[] {
  const key = ({ python, libc, id }: Target): string => {
    const [, major = '', minor = ''] = /(\d)(\d+)/.exec(python) ?? []
    const [, libcMajor = '', libcMinor = ''] = /(\d+)\.(\d+)$/.exec(libc) ?? []
    return [major, minor, libcMajor, libcMinor].map((text) => text.padStart(6, '0')).join('.') + id
  }
  return [...targets].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function tagsOf(filename: string): readonly WheelTag[] {
  return parseWheelName(filename)!.tags
}

function familyOf({ libc }: Target): string {
  return libc.startsWith('musl') ? 'musl' : 'glibc'
}

function numberOf({ libc }: Target): number {
  const [, major = '', minor = ''] = /(\d+)\.(\d+)$/.exec(libc) ?? []
  return Number(major) * 1_000 + Number(minor)
}

function zip(targets: readonly Target[], states: readonly string[]): readonly (readonly [string, string])[] {
  return targets.map(({ id }, index) => [id, states[index]!])
}
