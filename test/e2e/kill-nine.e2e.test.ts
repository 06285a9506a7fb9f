import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { JobView, WantView } from '../../src/http/api-types.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { buildsOf, builtTwice, indexBodies, jobsOf, statusOf } from '../support/mesh-views.ts'
import { slowSdist } from '../support/slow-sdist.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, somePythons, SOON, useE2e } from './e2e-kit.ts'

const kit = useE2e()
let pythons: readonly string[] = []

beforeAll(async () => {
  pythons = await somePythons(join(kit.yard.folder, 'pythons'), 1)
})

async function publishSlow(names: readonly string[], seconds = 6): Promise<void> {
  for (const name of names) kit.upstream.publish(name, await slowSdist(name, seconds))
}

async function want(node: NodeProcess, ...words: readonly string[]): Promise<void> {
  const { code, stderr } = await node.command('want', ...words)
  expect(code, stderr).toBe(0)
}

async function jobOf(node: NodeProcess, project: string): Promise<JobView | undefined> {
  return (await jobsOf(node)).find((job) => job.project === project)
}

/** Until a build's own code runs in its sandbox. */
async function untilBuilding(node: NodeProcess, builder: NodeProcess): Promise<void> {
  await expect
    .poll(async () => {
      const { running } = (await statusOf(builder)).node
      const told = (await jobsOf(node)).filter(
        (job) => job.builder === builder.id && job.state === 'building'
      )
      return told.length > 0 && running.some(({ phase }) => phase === 'build')
    }, PATIENT)
    .toBe(true)
}

async function allBuilt(node: NodeProcess, projects: readonly string[]): Promise<void> {
  for (const project of projects)
    await expect
      .poll(async () => (await jobOf(node, project))?.state, { ...PATIENT, message: project })
      .toBe('built')
}

describe('a node on its own', () => {
  test('is killed in the middle of a build, started again, and goes on where it was', async () => {
    const solo = kit.yard.node('solo', { pythons })
    await solo.start()
    kit.upstream.publish('early', await fixtureSdist('pure', { name: 'early' }))
    await publishSlow(['slow', 'later'], 3)
    await want(solo, 'early', '--wait')
    await want(solo, 'slow', 'later')
    await untilBuilding(solo, solo)
    const before = { id: solo.id, wants: await solo.api<readonly WantView[]>('/api/v1/wants') }
    const known = await buildsOf(solo)
    const page = await indexBodies(solo, ['early'])
    expect(await kit.yard.strays()).not.toEqual([])

    await solo.kill()
    await expect.poll(() => kit.yard.strays(), SOON).toEqual([])
    expect(await solo.start()).toMatchObject({ founded: false, node: before.id })
    expect(await indexBodies(solo, ['early'])).toEqual(page)
    expect(await buildsOf(solo)).toEqual(expect.arrayContaining([...known]))
    const wants = await solo.api<readonly WantView[]>('/api/v1/wants')
    expect(wants.map(({ id }) => id)).toEqual(before.wants.map(({ id }) => id))

    await allBuilt(solo, ['early', 'slow', 'later'])
    const builds = await buildsOf(solo)
    expect(builds).toHaveLength(3)
    expect(builtTwice(builds)).toEqual([])
    await expect.poll(() => readdir(join(solo.dataDir, 'build', 'work')), SOON).toEqual([])
    expect(await kit.yard.strays()).toEqual([])
    await solo.stop()
  })
})

describe('a mesh of three', () => {
  let nodes: readonly NodeProcess[] = []

  test('comes together', async () => {
    nodes = ['one', 'two', 'three'].map((name) => kit.yard.node(name, { pythons }))
    const [first, ...others] = nodes as [NodeProcess, NodeProcess, NodeProcess]
    const { ticket } = await first.start()
    await Promise.all(others.map((node) => node.start(ticket)))
    await connected(nodes)
  })

  async function coordinator(): Promise<NodeProcess> {
    const [asked] = nodes as [NodeProcess]
    const { node, coordinators } = await statusOf(asked)
    const holder = coordinators.find(({ shard }) => shard === node.targets[0])?.node
    return nodes.find(({ id }) => id === holder)!
  }

  /** Every node knows the same results, one for each job. */
  async function agree(jobs: number): Promise<void> {
    const builds = await buildsOf(nodes[0]!)
    expect(builds).toHaveLength(jobs)
    expect(builtTwice(builds)).toEqual([])
    for (const node of nodes) await expect.poll(() => buildsOf(node), SOON).toEqual(builds)
  }

  test('a builder is killed in the middle of a build: its job is built once, by somebody', async () => {
    const projects = ['slow-a', 'slow-b', 'slow-c', 'slow-d']
    await expect.poll(coordinator, PATIENT).toBeDefined()
    const leading = await coordinator()
    const victim = nodes.find((node) => node !== leading)!
    const witness = nodes.find((node) => node !== leading && node !== victim)!
    await publishSlow(projects)
    await want(witness, ...projects)
    await untilBuilding(witness, victim)
    await victim.kill()
    await victim.start()
    await connected(nodes)
    await allBuilt(witness, projects)
    await agree(4)
    await expect.poll(() => readdir(join(victim.dataDir, 'build', 'work')), SOON).toEqual([])
  })

  test('the coordinator is killed while the others build: they end their builds, and the rest is built too', async () => {
    const projects = ['slow-e', 'slow-f', 'slow-g', 'slow-h']
    const leading = await coordinator()
    const others = nodes.filter((node) => node !== leading)
    await takeNoJobs(leading)
    await publishSlow(projects)
    await want(others[0]!, ...projects)
    for (const node of others) await untilBuilding(node, node)
    await leading.kill()
    await allBuilt(others[0]!, projects)
    await leading.start()
    await connected(nodes)
    await agree(8)
    // The one that started again builds its canary.
    await expect.poll(() => kit.yard.strays(), SOON).toEqual([])
  })
})

/** It goes on coordinating, and builds nothing itself. */
async function takeNoJobs(node: NodeProcess): Promise<void> {
  const file = await readFile(join(node.dataDir, 'api.json'), 'utf8')
  const { token } = JSON.parse(file) as { readonly token: string }
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(node.url('/api/v1/pause'), { method: 'POST', headers, body: '{}' })
  expect(response.status).toBe(200)
}
