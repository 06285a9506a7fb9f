import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { InviteAnswer, NodeView } from '../../src/http/api-types.ts'
import { startFixtureUpstream, type FixtureUpstream } from '../../test/support/fixture-upstream.ts'
import { buildsOf, holds, indexFiles, jobsOf } from '../../test/support/mesh-views.ts'
import { createYard, hermeticEnv, type Yard } from '../../test/support/node-yard.ts'
import { findPythons, openPython } from '../../test/support/pythons.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { PI_PROJECT, publishProjects, WANTED, yankNewest } from './projects.ts'

const PI_NODE = fileURLToPath(new URL('../../test/support/pi-node.child.ts', import.meta.url))
const PI_TARGET = 'cp311-linux_armv7l-glibc2.36'
const AGREE_MS = 300_000
const POLL_MS = 250

/** alpha builds, pi builds for ARM, beta only follows and keeps copies: the node that is asked when alpha is gone. */
export interface ConformanceMesh {
  readonly yard: Yard
  readonly upstream: FixtureUpstream
  readonly alpha: NodeProcess
  readonly beta: NodeProcess
  /** `3.13`: the Python that compiled wheels are for. */
  readonly builderPython: string
  /** Digests of the mesh's wheels by file name, as the index has them. */
  readonly wheels: ReadonlyMap<string, string>
}

/** Nodes, upstream and wheels; `say` hears how it goes. */
export async function openMesh(say: (text: string) => void): Promise<ConformanceMesh> {
  const upstream = await startFixtureUpstream()
  const yard = await createYard({ pythons: [], upstream: upstream.url })
  try {
    await publishProjects(upstream)
    const [found] = await findPythons()
    if (found === undefined) throw new Error('this machine has no Python 3.8 or newer to build with')
    // What clients need is built before they come; what upstream changes is to be seen soon.
    const settings = { demand: 'off', upstreamPollMs: 3_000 }
    say(`starting three nodes; alpha builds with Python ${found.version}`)
    const alpha = yard.node('alpha', { pythons: [await openPython(found, yard.folder)], settings })
    const beta = yard.node('beta', { settings: { ...settings, roles: [] } })
    const program = ['--import', 'tsx', PI_NODE]
    const pi = yard.node('pi', { program, env: hermeticEnv(yard.folder), settings })
    await alpha.start()
    const { ticket } = await ownerPost<InviteAnswer>(alpha, 'invites', {
      uses: 2,
      ttlMs: 3_600_000
    })
    await beta.start(ticket)
    await pi.start(ticket)
    await until('the nodes know each other', async () => (await membersOf(beta)).length === 3)
    say(`building ${WANTED.length + 1} releases`)
    await build(alpha, pi)
    await yankNewest(upstream)
    const wheels = await settled([alpha, beta])
    return { yard, upstream, alpha, beta, builderPython: found.version, wheels }
  } catch (error) {
    console.error(yard.logs())
    await yard.close()
    await upstream.close()
    throw error
  }
}

async function membersOf(node: NodeProcess): Promise<readonly NodeView[]> {
  return node.api('/api/v1/nodes')
}

async function build(alpha: NodeProcess, pi: NodeProcess): Promise<void> {
  const { targets = [] } = (await membersOf(alpha)).find(({ label }) => label === 'alpha') ?? {}
  await ownerPost(alpha, 'wants', { specs: WANTED, targets: targets.slice(0, 1) })
  await ownerPost(pi, 'wants', { specs: [PI_PROJECT], targets: [PI_TARGET] })
  await until('everything is built', async () => {
    const jobs = await jobsOf(alpha)
    const failed = jobs.find(({ state }) => state === 'failed')
    if (failed !== undefined) throw new Error(`${failed.id} failed: ${failed.reason}`)
    return jobs.filter(({ state }) => state === 'built').length === WANTED.length + 1
  })
}

/** What a command would post; a process less for each. */
async function ownerPost<T>(node: NodeProcess, path: string, body: object): Promise<T> {
  const file = await readFile(join(node.dataDir, 'api.json'), 'utf8')
  const { token } = JSON.parse(file) as { readonly token: string }
  const response = await fetch(node.url(`/api/v1/${path}`), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  if (!response.ok) throw new Error(`${node.name} answers ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

/** Both nodes list every wheel, know of the yank, and hold the files themselves. */
async function settled(nodes: readonly NodeProcess[]): Promise<ReadonlyMap<string, string>> {
  const projects = [...new Set(WANTED.map((spec) => spec.split('==', 1)[0]!)), PI_PROJECT]
  const wheels = new Map<string, string>()
  for (const node of nodes) {
    await until(`${node.name} tells of the yank`, async () =>
      (await rawPage(node, 'mesh-tool')).includes('eats files')
    )
    const builds = await buildsOf(node)
    await until(`${node.name} has every wheel`, async () => {
      const held = await Promise.all(
        builds.map(async ({ wheel }) => wheel === undefined || (await holds(node, wheel.sha256)))
      )
      return held.every(Boolean)
    })
    for (const project of projects) {
      for (const { filename, hashes } of await indexFiles(node, project)) {
        if (filename.endsWith('.whl')) wheels.set(filename, hashes.sha256)
      }
    }
  }
  return wheels
}

async function rawPage(node: NodeProcess, project: string): Promise<string> {
  return (await fetch(node.url(`/simple/${project}/`))).text()
}

async function until(what: string, holdsNow: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + AGREE_MS
  while (!(await holdsNow())) {
    if (performance.now() > deadline) throw new Error(`waited ${AGREE_MS / 1000} s until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
