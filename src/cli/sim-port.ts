import type { runScenario } from '../node/simulate-scenario.ts'
import type { runSeeds } from '../node/simulate.ts'

/** What `sim` needs of src/node. */
export interface SimPort {
  readonly runSeeds: typeof runSeeds
  readonly runScenario: typeof runScenario
}

export async function loadSimulator(): Promise<SimPort> {
  const [seeds, scenario] = await Promise.all([
    import('../node/simulate.ts'),
    import('../node/simulate-scenario.ts')
  ])
  return { runSeeds: seeds.runSeeds, runScenario: scenario.runScenario }
}
