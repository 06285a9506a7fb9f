import { join } from 'node:path'
import type { BuildView, JobView } from '../../src/http/api-types.ts'
import { freshVenv } from '../../test/support/fresh-venv.ts'
import {
  buildsOf,
  builtTwice,
  digestOf,
  holds,
  indexBodies,
  indexFiles
} from '../../test/support/mesh-views.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { HOPELESS, PACKAGES } from './packages.ts'

/** One thing that must hold; `trouble` is empty when it does. */
export interface Check {
  readonly what: string
  readonly trouble: string
}

const AGREE_MS = 20_000
const POLL_MS = 200

export async function check(what: string, prove: () => Promise<void>): Promise<Check> {
  try {
    await prove()
    return { what, trouble: '' }
  } catch (error) {
    return { what, trouble: error instanceof Error ? error.message : String(error) }
  }
}

/** Jobs of a want against what is known of these packages. */
export async function endedAsExpected(jobs: readonly JobView[]): Promise<void> {
  for (const { id, project, state, reason } of jobs) {
    const hopeless = project === HOPELESS.project
    const good = hopeless ? state === 'failed' : state === 'built' || state === 'upstream'
    if (!good) throw new Error(`${id} ended as ${state}: ${reason}`)
  }
}

export async function sameLedger(nodes: readonly NodeProcess[]): Promise<readonly BuildView[]> {
  const lists = await agreed(nodes, async (node) => JSON.stringify(await buildsOf(node)), 'results')
  const builds = JSON.parse(lists) as readonly BuildView[]
  const twice = builtTwice(builds)
  if (twice.length > 0) throw new Error(`built twice: ${twice.join(', ')}`)
  return builds
}

export async function sameIndex(nodes: readonly NodeProcess[]): Promise<void> {
  const projects = [...PACKAGES, HOPELESS].map(({ project }) => project)
  await agreed(nodes, async (node) => JSON.stringify(await indexBodies(node, projects)), 'index pages')
}

/** Every wheel, asked from a node that does not hold it. */
export async function filesTravel(
  nodes: readonly NodeProcess[],
  builds: readonly BuildView[]
): Promise<void> {
  let travelled = 0
  for (const { wheel, builder, job } of builds) {
    const asked = nodes.find((node) => node.id !== builder)
    if (wheel === undefined || asked === undefined || (await holds(asked, wheel.sha256))) continue
    const files = await indexFiles(asked, job.split('==', 1)[0] ?? '')
    const file = files.find(({ filename }) => filename === wheel.filename)
    if (file === undefined) throw new Error(`${asked.name} does not list ${wheel.filename}`)
    if ((await digestOf(file.url)) !== wheel.sha256)
      throw new Error(`${wheel.filename} came with another digest`)
    travelled += 1
  }
  if (travelled === 0) throw new Error('every node held every wheel already: nothing was shown')
}

/** A fresh virtual environment of that node's Python, filled from that node's index alone. */
export async function installs(node: NodeProcess, python: string, folder: string): Promise<void> {
  const venv = await freshVenv(python, join(folder, `venv-${node.name}`))
  await venv.install(node.ready.indexUrl, ...PACKAGES.map(({ spec }) => spec))
  for (const { spec, proof } of PACKAGES) {
    await venv.eval(proof).catch((error: unknown) => {
      throw new Error(`${spec} was installed from ${node.name}, but does not work: ${String(error)}`)
    })
  }
}

/** What all nodes say, once they say the same. */
async function agreed(
  nodes: readonly NodeProcess[],
  ask: (node: NodeProcess) => Promise<string>,
  what: string
): Promise<string> {
  const deadline = performance.now() + AGREE_MS
  for (;;) {
    const [first = '', ...others] = await Promise.all(nodes.map(ask))
    if (others.every((other) => other === first)) return first
    if (performance.now() > deadline) throw new Error(`the nodes do not agree on the ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
