import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { startFixtureUpstream, type FixtureUpstream } from '../support/fixture-upstream.ts'
import { createYard, type Yard, type YardPlan } from '../support/node-yard.ts'
import { findPythons, openPython } from '../support/pythons.ts'
import type { NodeProcess } from '../support/spawn-node.ts'

export interface E2eKit {
  readonly yard: Yard
  readonly upstream: FixtureUpstream
}

/** How long the mesh may take to agree on something, on a machine that builds at the same time. */
export const SOON = { timeout: 30_000, interval: 200 }
/** With an election, or a claim that is taken back. */
export const PATIENT = { timeout: 90_000, interval: 300 }

/** A yard and an upstream for the tests of one file: logs are shown when one fails, and nothing is left afterwards. */
export function useE2e(plan: Partial<YardPlan> = {}): E2eKit {
  const kit: { yard?: Yard; upstream?: FixtureUpstream } = {}
  beforeAll(async () => {
    kit.upstream = await startFixtureUpstream()
    const yard = await createYard({ pythons: [], upstream: kit.upstream.url, ...plan })
    kit.yard = yard
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log(kit.yard?.logs())
  })
  afterAll(async () => {
    await kit.yard?.close()
    await kit.upstream?.close()
  })
  return {
    get yard() {
      return started(kit.yard)
    },
    get upstream() {
      return started(kit.upstream)
    }
  }
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new TypeError('the kit is not up: use it in tests and hooks')
  return part
}

/** Every one of these nodes is connected to that many others. */
export async function connected(nodes: readonly NodeProcess[], peers = nodes.length - 1): Promise<void> {
  for (const node of nodes) {
    await expect
      .poll(
        async () => (await node.api<{ peers: { connected: number } }>('/api/v1/status')).peers.connected,
        SOON
      )
      .toBe(peers)
  }
}

/** Interpreters that builds can run: as many different ones as there are, up to `count`. */
export async function somePythons(folder: string, count: number): Promise<readonly string[]> {
  const found = (await findPythons()).slice(0, count)
  if (found.length === 0) throw new Error('this machine has no Python for tests')
  return Promise.all(found.map((python) => openPython(python, folder)))
}
