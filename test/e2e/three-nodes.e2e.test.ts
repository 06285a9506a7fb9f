import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseSha256 } from '../../src/core/ids.ts'
import type { NodeView } from '../../src/http/api-types.ts'
import { blobPaths } from '../../src/storage/blob-paths.ts'
import { blobFolder } from '../../src/storage/keys.ts'
import { fixtureSdist, type SdistKind } from '../fixtures/sdists.ts'
import { freshVenv } from '../support/fresh-venv.ts'
import { makeWheel } from '../support/make-wheel.ts'
import {
  buildsOf,
  builtTwice,
  digestOf,
  holds,
  indexBodies,
  indexFiles,
  statusOf,
  wantIn
} from '../support/mesh-views.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, somePythons, SOON, useE2e } from './e2e-kit.ts'

const PROJECTS = ['fixture-pure', 'fixture-native', 'fixture-partly', 'fixture-shipped', 'fixture-broken']
const NAMES = ['alpha', 'beta', 'gamma'] as const

const kit = useE2e()
let pythons: readonly string[] = []
let nodes: readonly NodeProcess[] = []
let targets: readonly string[] = []

async function publish(kind: SdistKind, name: string): Promise<void> {
  kit.upstream.publish(name, await fixtureSdist(kind, { name }))
}

/** A tag that pip and the mesh take for a target. */
function upstreamTag(target: string): string {
  const [python = '', platform = ''] = target.split('-')
  return `${python}-${python}-manylinux_2_17_${platform.replace(/^linux_/, '')}`
}

beforeAll(async () => {
  const found = await somePythons(join(kit.yard.folder, 'pythons'), NAMES.length)
  pythons = NAMES.map((_, at) => found[at % found.length]!)
  nodes = NAMES.map((name, at) => kit.yard.node(name, { pythons: [pythons[at]!] }))
})

describe('three nodes become one mesh', () => {
  test('the first founds it, the second joins by its ticket', async () => {
    const [alpha, beta] = nodes as [NodeProcess, NodeProcess]
    const founder = await alpha.start()
    expect(founder).toMatchObject({ founded: true })
    expect(founder.buildRefusal).toBeUndefined()
    const joined = await beta.start(founder.ticket)
    expect(joined).toMatchObject({ founded: false, mesh: founder.mesh })
    expect(joined.buildRefusal).toBeUndefined()
    await connected([alpha, beta])
  })

  test('the third joins through the second while who made its ticket is away', async () => {
    const [alpha, beta, gamma] = nodes as [NodeProcess, NodeProcess, NodeProcess]
    const { stdout, code } = await alpha.command('invite', '--uses', '1')
    expect(code).toBe(0)
    expect(await alpha.stop()).toBe(0)
    const joined = await gamma.start(stdout.trim())
    expect(joined).toMatchObject({ founded: false, mesh: beta.ready.mesh })
    await connected([beta, gamma])
    // It comes back on another port, and is found again.
    await alpha.start()
    await connected(nodes)
    for (const node of nodes) {
      await expect
        .poll(
          async () => (await node.api<readonly NodeView[]>('/api/v1/nodes')).map(({ label }) => label).sort(),
          SOON
        )
        .toEqual([...NAMES].sort())
    }
  })
})

describe('following upstream', () => {
  /** Asks all nodes at once, twice each; what they answer, and how often upstream was asked. */
  async function askAll(name: string): Promise<{ pages: ReadonlySet<string>; requests: number }> {
    const answers = [...nodes, ...nodes].map(async (node) => {
      const response = await fetch(node.url(`/simple/${name}/`))
      return `${response.status} ${await response.text()}`
    })
    const pages = new Set(await Promise.all(answers))
    const requests = kit.upstream.requests.filter(({ path }) => path === `/simple/${name}/`)
    return { pages, requests: requests.length }
  }

  // While a lease changes hands a node asks by itself: in a mesh that has settled none does.
  test('a page that nobody asked for before costs upstream one request, whoever asks', async () => {
    let tries = 0
    const ask = async (): Promise<number> => {
      const name = `fresh-${(tries += 1)}`
      kit.upstream.publish(name, { filename: `${name}-1.0.tar.gz`, bytes: Buffer.from(name) })
      const { pages, requests } = await askAll(name)
      expect(pages.size).toBe(1)
      expect([...pages][0]).toContain(`200 `)
      return requests
    }
    await expect.poll(ask, SOON).toBe(1)
  })

  test('so does a name that upstream does not have; nothing is written down of it', async () => {
    const [node] = nodes as [NodeProcess]
    let tries = 0
    const before = (await statusOf(node)).ledger.entries
    const ask = async (): Promise<number> => {
      const { pages, requests } = await askAll(`no-such-${(tries += 1)}`)
      expect([...pages].map((page) => page.slice(0, 4))).toEqual(['404 '])
      return requests
    }
    await expect.poll(ask, SOON).toBe(1)
    expect((await statusOf(node)).ledger.entries).toBe(before)
    const views = await Promise.all(nodes.map((one) => statusOf(one)))
    expect(views.filter(({ upstream }) => upstream.self)).toHaveLength(1)
  })

  test('upstream is told who asks: one name for the whole mesh', () => {
    const agents = [...new Set(kit.upstream.requests.map(({ headers }) => headers['user-agent'] ?? ''))]
    const [page] = agents.filter((agent) => agent.startsWith('commonwheel/'))
    expect(page).toMatch(/^commonwheel\/\S+ \(mesh [0-9a-f]{16}\)$/)
  })
})

describe('what is wanted is built once', () => {
  test('a want on one node is built by all, and what upstream ships is left alone', async () => {
    targets = [...new Set((await Promise.all(nodes.map(statusOf))).flatMap(({ node }) => node.targets))]
    expect(targets).toHaveLength(new Set(pythons).size)
    await publish('pure', 'fixture-pure')
    await publish('compiled', 'fixture-native')
    await publish('compiled', 'fixture-partly')
    const tag = upstreamTag(targets[0]!)
    kit.upstream.publish('fixture-partly', makeWheel({ name: 'fixture_partly', version: '1.0', tag }))
    await publish('pure', 'fixture-shipped')
    kit.upstream.publish('fixture-shipped', makeWheel({ name: 'fixture_shipped', version: '1.0' }))

    const good = PROJECTS.filter((project) => project !== 'fixture-broken')
    const { code, stdout, stderr } = await nodes[1]!.command('want', ...good, '--wait', '--json')
    expect(code, stderr).toBe(0)
    const { jobs } = wantIn(stdout)
    const states = (project: string): readonly string[] =>
      jobs.filter((job) => job.project === project).map(({ state }) => state)
    expect(states('fixture-pure')).toEqual(targets.map(() => 'built'))
    expect(states('fixture-native')).toEqual(targets.map(() => 'built'))
    expect([...states('fixture-partly')].sort()).toEqual(
      targets.map((_, at) => (at === 0 ? 'upstream' : 'built')).sort()
    )
    expect(states('fixture-shipped')).toEqual(targets.map(() => 'upstream'))
  })

  test('what cannot be built fails once for each target, with its reason', async () => {
    await publish('failing', 'fixture-broken')
    const { code, stdout } = await nodes[0]!.command('want', 'fixture-broken', '--wait', '--json')
    expect(code).toBe(1)
    const { jobs } = wantIn(stdout)
    expect(jobs.map(({ state }) => state)).toEqual(targets.map(() => 'failed'))
    expect(jobs[0]?.reason).toContain('this package never builds')
  })

  test('every job has one result, the same on every node', async () => {
    const expected = 1 + targets.length + (targets.length - 1) + targets.length
    const known = await buildsOf(nodes[0]!)
    expect(known).toHaveLength(expected)
    expect(builtTwice(known)).toEqual([])
    expect(known.filter(({ job }) => job.startsWith('fixture-shipped'))).toEqual([])
    for (const node of nodes) await expect.poll(() => buildsOf(node), SOON).toEqual(known)
  })
})

describe('one index on every node', () => {
  test('its bodies are the same, byte for byte', async () => {
    const first = await indexBodies(nodes[0]!, PROJECTS)
    expect(first['/simple/fixture-native/ text/html']).toContain('.whl')
    for (const node of nodes) await expect.poll(() => indexBodies(node, PROJECTS), SOON).toEqual(first)
  })

  test('each node comes to hold every wheel; one that it lost comes through it with the right digest, and stays', async () => {
    const builds = (await buildsOf(nodes[0]!)).filter(({ wheel }) => wheel !== undefined)
    for (const { wheel, builder, job } of builds) {
      const asked = nodes.find((node) => node.id !== builder)!
      const [project = ''] = job.split('==')
      const file = (await indexFiles(asked, project)).find(({ filename }) => filename === wheel?.filename)
      expect(file?.hashes.sha256).toBe(wheel?.sha256)
      await expect.poll(() => holds(asked, wheel!.sha256), SOON).toBe(true)
      await rm(blobPaths(blobFolder(asked.dataDir)).blob(parseSha256(wheel!.sha256)))
      expect(await digestOf(file!.url)).toBe(wheel?.sha256)
      await expect.poll(() => holds(asked, wheel!.sha256), SOON).toBe(true)
    }
  })

  test('pip installs from each of them', async () => {
    const installs = nodes.map(async (node, at) => {
      const venv = await freshVenv(pythons[at]!, join(kit.yard.folder, `venv-${node.name}`))
      await venv.install(node.ready.indexUrl, 'fixture-pure', 'fixture-native', 'fixture-shipped')
      const code =
        'import fixture_pure, fixture_native, fixture_shipped as s; print(fixture_pure.answer, fixture_native.answer(), s.answer)'
      return venv.eval(code)
    })
    expect(await Promise.all(installs)).toEqual(['42 42 42', '42 42 42', '42 42 42'])
  })
})

test('they stop when told to, and leave nothing that runs', async () => {
  for (const node of nodes) expect(await node.stop()).toBe(0)
  expect(await kit.yard.strays()).toEqual([])
})
