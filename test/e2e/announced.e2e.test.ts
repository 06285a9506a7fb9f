import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { buildsOf, builtTwice, jobsOf } from '../support/mesh-views.ts'
import { freeListen } from '../support/free-listen.ts'
import { hermeticEnv } from '../support/node-yard.ts'
import { postWant } from '../support/post-want.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, SOON, useE2e } from './e2e-kit.ts'

/* What was built and not told: the builder dies, or stands still, between the two. Real processes that build with a clock. */

const kit = useE2e()
const FAKE_NODE = fileURLToPath(new URL('../support/fake-node.child.ts', import.meta.url))
const BUILD_MS = 6_000
/** In 2019 piwheels lost three months of builds because encoding a message took longer than somebody waited. */
const STALL_MS = 60_000

async function builder(name: string): Promise<NodeProcess> {
  return kit.yard.node(name, {
    listen: await freeListen(),
    program: ['--import', 'tsx', FAKE_NODE],
    env: { ...hermeticEnv(kit.yard.folder), FAKE_BUILD_MS: String(BUILD_MS) }
  })
}

async function startAll(...nodes: readonly [NodeProcess, ...NodeProcess[]]): Promise<void> {
  const [first, ...others] = nodes
  const { ticket } = await first.start()
  for (const node of others) await node.start(ticket)
  await connected(nodes)
}

/** Who builds this project, as a node sees it. */
async function buildsNow(asked: NodeProcess, project: string): Promise<string | undefined> {
  return (await jobsOf(asked)).find((job) => job.project === project && job.state === 'building')?.builder
}

/** Who builds this project, once somebody does. */
async function builderOf(nodes: readonly NodeProcess[], project: string): Promise<NodeProcess> {
  const [asked] = nodes as [NodeProcess]
  await expect.poll(() => buildsNow(asked, project), { ...PATIENT, interval: 100 }).toBeDefined()
  const id = await buildsNow(asked, project)
  return nodes.find((node) => node.id === id) ?? asked
}

async function resultsOf(node: NodeProcess, project: string): Promise<readonly string[]> {
  return (await buildsOf(node)).map(({ job }) => job).filter((job) => job.startsWith(`${project}==`))
}

describe('a builder that is killed when its build is signed and nobody has heard of it', () => {
  test('has the result when it starts again, and the mesh gets it', async () => {
    const [ada, bob] = [await builder('ada'), await builder('bob')] as const
    await startAll(ada, bob)
    kit.upstream.publish('untold', await fixtureSdist('pure', { name: 'untold' }))
    await postWant(ada, 'untold')
    const builds = await builderOf([ada, bob], 'untold')
    const other = builds === ada ? bob : ada
    await other.kill()
    await expect.poll(() => resultsOf(builds, 'untold'), { ...PATIENT, interval: 50 }).toHaveLength(1)
    await builds.kill()
    await other.start()
    expect(await resultsOf(other, 'untold')).toEqual([])
    await builds.start()
    expect(await resultsOf(builds, 'untold')).toHaveLength(1)
    await expect.poll(() => resultsOf(other, 'untold'), PATIENT).toHaveLength(1)
    await sleep(2 * BUILD_MS)
    for (const node of [ada, bob]) expect(builtTwice(await buildsOf(node))).toEqual([])
    await Promise.all([ada.stop(), bob.stop()])
  })
})

describe('a builder that stands still for a minute with its build in hand', () => {
  test('loses no claim, though others are free, and its result arrives', async () => {
    const nodes = [await builder('cleo'), await builder('dan'), await builder('eve')] as const
    await startAll(...nodes)
    kit.upstream.publish('stalled', await fixtureSdist('pure', { name: 'stalled' }))
    await postWant(nodes[0], 'stalled')
    const stalled = await builderOf(nodes, 'stalled')
    const others = nodes.filter((node) => node !== stalled)
    // The founder alone is witness of a shard's first seconds: before it has told them, nobody else can know of its claim.
    for (const node of others) await expect.poll(() => buildsNow(node, 'stalled'), PATIENT).toBe(stalled.id)
    process.kill(stalled.pid, 'SIGSTOP')
    try {
      await sleep(STALL_MS)
      for (const node of others) {
        const known = (await buildsOf(node)).filter(({ job }) => job.startsWith('stalled=='))
        expect(known, `the stalled one is ${stalled.id}`).toEqual([])
      }
    } finally {
      process.kill(stalled.pid, 'SIGCONT')
    }
    for (const node of nodes) await expect.poll(() => resultsOf(node, 'stalled'), PATIENT).toHaveLength(1)
    await connected(nodes)
    const [result] = (await buildsOf(nodes[0])).filter(({ job }) => job.startsWith('stalled=='))
    expect(result?.builder).toBe(stalled.id)
    await expect.poll(async () => builtTwice(await buildsOf(nodes[0])), SOON).toEqual([])
    await Promise.all(nodes.map((node) => node.stop()))
  })
})
