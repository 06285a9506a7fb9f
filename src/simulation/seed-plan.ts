import { normalizeName } from '../core/distribution.ts'
import type { NodeId, TargetId } from '../core/ids.ts'
import { WANT_PRIORITIES, type WantPriority } from '../core/record.ts'
import { Dice } from './seeded-random.ts'
import type { MachineFacts } from './sim-machine.ts'
import type { Weather } from './sim-network.ts'
import type { PackageKind, SimPackage } from './sim-packages.ts'

/** What can go wrong in a run; each run draws its own mix, so that rare combinations come up too. */
export const FAULTS = [
  'crash',
  'power-cut-of-coordinator',
  'pause',
  'graceful-stop',
  'slow-node',
  'partition',
  'flapping-partition',
  'one-way-link',
  'deaf-node',
  'clock-jump',
  'slow-disk',
  'full-disk',
  'bulk-join',
  'bulk-leave',
  'upstream-outage'
] as const
export type Fault = (typeof FAULTS)[number]

export interface PlannedWant {
  readonly atMs: number
  readonly package: SimPackage
  readonly specifier: string
  readonly targets: readonly TargetId[]
  readonly priority: WantPriority
}

/** One run, as its seed draws it. */
export interface SeedPlan {
  readonly seed: number
  readonly machines: readonly MachineFacts[]
  readonly roots: number
  readonly weather: Weather
  readonly faults: ReadonlySet<Fault>
  /** Mean time between two faults of one kind. */
  readonly faultEveryMs: number
  readonly wants: readonly PlannedWant[]
  readonly faultyMs: number
}

const TARGETS = [
  'cp311-linux_aarch64-glibc2.36',
  'cp313-linux_aarch64-glibc2.41',
  'cp39-linux_armv7l-glibc2.31'
] as TargetId[]
const FAULTY_MS = 10 * 60_000
/** Clock rates differ by less than the protocol allows for (3.6 % between two). */
const MAX_CLOCK_ERROR = 0.015
const KINDS: readonly (readonly [PackageKind, number])[] = [
  ['pure', 0.45],
  ['compiled', 0.25],
  ['abi3', 0.08],
  ['broken', 0.12],
  ['flaky', 0.06],
  ['hanging', 0.04]
]

/** About 20 nodes and ten minutes of trouble. */
export function drawPlan(seed: number): SeedPlan {
  const dice = new Dice(seed, 'plan')
  const targets = TARGETS.slice(0, dice.whole(1, 3))
  const isBad = dice.chance(0.25)
  return {
    seed,
    machines: Array.from({ length: dice.whole(12, 28) }, (_, at) => drawMachine(dice, at, targets)),
    roots: dice.whole(1, 3),
    weather: {
      minDelayMs: dice.between(1, 20),
      meanDelayMs: dice.between(2, 60),
      loss: isBad ? dice.between(0.02, 0.3) : dice.between(0, 0.01),
      gossipLoss: isBad ? dice.between(0.02, 0.3) : dice.between(0, 0.02),
      duplication: dice.chance(0.5) ? dice.between(0, 0.1) : 0,
      spikes: dice.chance(0.5) ? dice.between(0, 0.02) : 0
    },
    faults: new Set(FAULTS.filter(() => dice.chance(0.35))),
    faultEveryMs: dice.between(30_000, 180_000),
    wants: drawWants(dice, targets),
    faultyMs: FAULTY_MS
  }
}

function drawMachine(dice: Dice, at: number, targets: readonly TargetId[]): MachineFacts {
  return {
    id: `node-${String(at).padStart(2, '0')}` as NodeId,
    targets: dice.some(targets, dice.whole(1, Math.min(2, targets.length))),
    slots: dice.chance(0.25) ? 2 : 1,
    clockRate: 1 + dice.between(-MAX_CLOCK_ERROR, MAX_CLOCK_ERROR),
    clockOffsetMs: dice.between(0, 1e7)
  }
}

function drawWants(dice: Dice, targets: readonly TargetId[]): readonly PlannedWant[] {
  const meanBuildMs = dice.between(3_000, 30_000)
  return Array.from({ length: dice.whole(20, 70) }, (_, at) => ({
    atMs: dice.chance(0.5) ? 0 : dice.between(0, 0.8 * FAULTY_MS),
    package: drawPackage(dice, at, meanBuildMs),
    specifier: dice.chance(0.4) ? '>=1' : '',
    targets: dice.chance(0.2) ? dice.some(targets, 1) : [],
    priority: dice.pick(WANT_PRIORITIES) ?? 'request'
  }))
}

function drawPackage(dice: Dice, at: number, meanBuildMs: number): SimPackage {
  let draw = dice.random.float()
  const kind = KINDS.find(([, share]) => (draw -= share) < 0)?.[0] ?? 'pure'
  return {
    kind,
    project: normalizeName(`package-${at}`),
    versions: Array.from({ length: dice.whole(1, 2) }, (_, minor) => `1.${minor}`),
    meanBuildMs: Math.min(240_000, 1_000 + dice.exponential(meanBuildMs))
  }
}
