import type { CoordinationMessage } from '../core/coordination.ts'
import type { ScenarioOptions, ScenarioReport } from '../simulation/scale-report.ts'
import { runScenario as run } from '../simulation/scale-scenario.ts'
import { encodeCoordination } from '../wire/coordination-codec.ts'
import { systemClock } from './system-clock.ts'

/** A scenario of docs/scale.md, measured with this machine's clock and the real codec. */
export function runScenario(
  options: Omit<ScenarioOptions, 'stopwatchMs' | 'sizeOf'>
): Promise<ScenarioReport> {
  return run({ ...options, stopwatchMs: () => systemClock.monotonicMs(), sizeOf: createSizer() })
}

/** Bytes of messages, encoded once for each kind: encoding all of them would take longer than the run. */
function createSizer(): (message: CoordinationMessage) => number {
  const sizes = new Map<string, number>()
  return (message) => {
    const key = `${message.kind} ${claimsIn(message)}`
    const known = sizes.get(key)
    if (known !== undefined) return known
    const size = encodeCoordination(message).byteLength
    sizes.set(key, size)
    return size
  }
}

/** What makes messages of one kind differ in size: how many claims or jobs they carry. */
function claimsIn(message: CoordinationMessage): number {
  const lists = Object.values(message).filter((value): value is unknown[] => Array.isArray(value))
  return lists.reduce((sum, list) => sum + list.length, 0)
}
