import { expect, test } from 'vitest'
import type { ProtocolRules } from '../../src/scheduler/protocol-rules.ts'
import { runSeed } from '../../src/simulation/run-seed.ts'
import type { Invariant, Violation } from '../../src/simulation/violations.ts'
import { BROKEN_RULES } from './broken-rules.ts'

/*
 * A simulator that finds nothing proves nothing: each of these rules is broken on purpose, and a seed must show it. The search begins
 * at a seed that is known to, so that it ends soon; when the protocol or the dice change, it goes on from there.
 */

const SEEDS = 500
const TIMEOUT_MS = 30 * 60_000

interface Mutant {
  readonly name: keyof typeof BROKEN_RULES
  /** What it leads to; anything else would be found by chance. */
  readonly leadsTo: readonly Invariant[]
  readonly from: number
}

const MUTANTS: readonly Mutant[] = [
  { name: 'forgetfulWitnesses', leadsTo: ['one-promise', 'terms-rise', 'one-coordinator'], from: 2 },
  { name: 'noPreVote', leadsTo: ['one-coordinator', 'one-claim', 'built-once'], from: 2 },
  { name: 'authorityFromAcknowledgement', leadsTo: ['one-coordinator'], from: 135 },
  { name: 'fencesIgnored', leadsTo: ['fences-obeyed'], from: 40 }
]

test('every broken rule has its test', () => {
  expect(MUTANTS.map(({ name }) => name).sort()).toEqual(Object.keys(BROKEN_RULES).sort())
})

test.for(MUTANTS)('$name is caught', { timeout: TIMEOUT_MS }, async (mutant) => {
  expect(await firstCaught(mutant), `${mutant.name} goes unnoticed`).toBeDefined()
})

/** The first seed in which these rules break what they should, and those of production break nothing. */
async function firstCaught({ name, leadsTo, from }: Mutant): Promise<number | undefined> {
  for (let seed = from; seed < from + SEEDS; seed++) {
    const [first] = await violationsOf(seed, BROKEN_RULES[name])
    if (first === undefined || !leadsTo.includes(first.invariant)) continue
    if ((await violationsOf(seed)).length === 0) return seed
  }
  return undefined
}

async function violationsOf(seed: number, rules?: ProtocolRules): Promise<readonly Violation[]> {
  const options = { failFast: true, ...(rules === undefined ? {} : { rules }) }
  return (await runSeed(seed, options)).violations
}
