import { join } from 'node:path'
import { findIndexUrl } from '../src/upstream/pip-config.ts'
import type { BuildView, JobView } from '../src/http/api-types.ts'
import { wantIn } from '../test/support/mesh-views.ts'
import { createYard, type Yard } from '../test/support/node-yard.ts'
import type { NodeProcess } from '../test/support/spawn-node.ts'
import {
  check,
  endedAsExpected,
  filesTravel,
  installs,
  sameIndex,
  sameLedger,
  type Check
} from './demo/checks.ts'
import { choosePythons, type ChosenPython } from './demo/choose-pythons.ts'
import { HOPELESS, PACKAGES } from './demo/packages.ts'
import { checkLines, echo, jobTable, say } from './demo/tell.ts'

/*
 * Three nodes on this machine, each with another Python, become one mesh, build real packages from the index that pip uses
 * here, and serve them. Ends with a table; exits with 1 if anything is amiss. `npm run demo:three [-- --python PATH ...]`
 */

const NAMES = ['alpha', 'beta', 'gamma'] as const

const yard = await createYard({ pythons: [] })
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void yard.close().finally(() => process.exit(130))
  })
}
try {
  process.exitCode = (await demonstrate(yard)) ? 0 : 1
} catch (error) {
  console.error(
    `\nthe demonstration broke off: ${error instanceof Error ? (error.stack ?? '') : String(error)}`
  )
  console.error(yard.logs())
  process.exitCode = 1
} finally {
  await yard.close()
}

async function demonstrate(yard: Yard): Promise<boolean> {
  const pythons = await choosePythons(process.argv.slice(2), join(yard.folder, 'pythons'))
  for (const { version, found, open } of pythons) {
    say(`Python ${version}: ${found}${open === found ? '' : ', as a copy that builds can reach'}`)
  }
  const nodes = await startMesh(yard, pythons)
  const jobs = await wantAll(nodes)
  const { checks, builds } = await checkAll(nodes, { jobs, pythons, folder: yard.folder })
  for (const node of nodes) await node.stop()
  checks.push(await check('nothing is left that runs', async () => none(await yard.strays())))

  console.log(`\n${jobTable(jobs, builds, nodes).join('\n')}\n\n${checkLines(checks).join('\n')}\n`)
  const amiss = checks.filter(({ trouble }) => trouble !== '')
  if (amiss.length > 0) console.log(yard.logs())
  say(amiss.length === 0 ? 'all is well' : `${amiss.length} of ${checks.length} checks are amiss`)
  return amiss.length === 0
}

/** The first founds the mesh; the others join by its ticket. */
async function startMesh(yard: Yard, pythons: readonly ChosenPython[]): Promise<readonly NodeProcess[]> {
  // Copies have no pip of their own; the ones they were made from know which index this machine follows.
  const upstream = await findIndexUrl(pythons[0]!.found)
  say(`following ${upstream}`)
  const nodes = NAMES.map((name, at) => yard.node(name, { pythons: [pythons[at]!.open], upstream }))
  let ticket: string | undefined
  for (const node of nodes) {
    const ready = await node.start(ticket)
    ticket ??= ready.ticket
    const builds = ready.buildRefusal === undefined ? 'builds' : `does not build: ${ready.buildRefusal}`
    say(
      `${node.name} ${ready.founded ? 'founded' : 'joined'} "${ready.mesh}", serves ${ready.indexUrl}, ${builds}`
    )
    if (ready.buildRefusal !== undefined) throw new Error(`${node.name} does not build`)
  }
  return nodes
}

async function wantAll(nodes: readonly NodeProcess[]): Promise<readonly JobView[]> {
  const [first] = nodes as [NodeProcess]
  const specs = [...PACKAGES, HOPELESS].map(({ spec }) => spec)
  say(`want ${specs.join(' ')} --wait`)
  await first.follow(['want', ...specs, '--wait'], echo())
  // The same want again changes nothing, and prints how every job ended.
  return wantIn((await first.command('want', ...specs, '--wait', '--json')).stdout).jobs
}

interface Shown {
  readonly jobs: readonly JobView[]
  readonly pythons: readonly ChosenPython[]
  readonly folder: string
}

async function checkAll(
  nodes: readonly NodeProcess[],
  { jobs, pythons, folder }: Shown
): Promise<{ readonly checks: Check[]; readonly builds: readonly BuildView[] }> {
  const checks: Check[] = []
  let builds: readonly BuildView[] = []
  const prove = async (what: string, work: () => Promise<void>): Promise<void> => {
    say(what)
    checks.push(await check(what, work))
  }
  await prove('every job ended as expected', () => endedAsExpected(jobs))
  await prove('all nodes have the same results, and no job has two', async () => {
    builds = await sameLedger(nodes)
  })
  await prove('the index pages of all nodes are the same, byte for byte', () => sameIndex(nodes))
  await prove('a wheel asked from a node without it arrives with the right SHA-256', () =>
    filesTravel(nodes, builds)
  )
  for (const [at, node] of nodes.entries()) {
    const { version, open } = pythons[at]!
    await prove(`pip of Python ${version} installs all from ${node.name}, and they work`, () =>
      installs(node, open, folder)
    )
  }
  return { checks, builds }
}

async function none(strays: readonly string[]): Promise<void> {
  if (strays.length > 0) throw new Error(strays.join('; '))
}
