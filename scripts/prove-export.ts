import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ExportSummary } from '../src/node/export-index.ts'
import { fixtureSdist, type SdistKind } from '../test/fixtures/sdists.ts'
import { ExportYard } from '../test/node/export-kit.ts'
import { startFixtureUpstream, type FixtureUpstream } from '../test/support/fixture-upstream.ts'
import { buildsOf, indexFiles } from '../test/support/mesh-views.ts'
import { createYard } from '../test/support/node-yard.ts'
import { findPythons, openPython } from '../test/support/pythons.ts'
import type { NodeProcess } from '../test/support/spawn-node.ts'
import { check } from './demo/checks.ts'
import { findUv, Installs, type Locked } from './prove-export/installs.ts'
import { startNginx } from './prove-export/nginx.ts'
import { sameAnswers } from './prove-export/same-answers.ts'
import { type Proof, proofLines, reportOf } from './prove-export/tell.ts'

/*
 * A mesh of one builds wheels, exports its index, and a real nginx serves the export by config/nginx.conf. Every kind of
 * question is put to both, and pip and uv install the same lock file from both. Prints what is the same, each difference that
 * stays with its reason, and exits with 1 on any other one. `npm run prove:export [-- --json]`; nginx: apt-get install nginx-light
 */

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const started = performance.now()
function say(text: string): void {
  console.error(`[${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}`)
}

const SDISTS: Readonly<Record<string, SdistKind>> = {
  'fixture-pure': 'pure',
  'fixture-native': 'compiled',
  'fixture-broken': 'failing'
}

const proof: Proof = { checks: [], known: new Map(), installs: [], questions: 0 }
async function prove(what: string, work: () => Promise<void>): Promise<void> {
  say(what)
  proof.checks.push(await check(what, work))
}

await proveRareAnswers()
await proveRealNode()
console.log(options.json ? JSON.stringify(reportOf(proof), null, 2) : `\n${proofLines(proof).join('\n')}`)
process.exitCode = proof.checks.every(({ trouble }) => trouble === '') ? 0 : 1

/** Retracted wheels, wheels that nobody holds: what takes a real mesh weeks, from a node whose ledger is made up. */
async function proveRareAnswers(): Promise<void> {
  const yard = new ExportYard()
  await yard.open()
  const outer = join(yard.folder, '..')
  await chmod(outer, 0o711)
  yard.mesh.add('demo-long', 40)
  yard.mesh.add('small')
  const [listed, retracted, lost] = [
    yard.mesh.publish('demo-long'),
    yard.mesh.publish('small'),
    yard.mesh.publish('small', { version: '2.0', greeting: 'lost' })
  ]
  yard.mesh.files.blobs.delete(lost.wheel.sha256)
  await yard.run()
  yard.mesh.retract(retracted)
  const nginx = await startNginx(yard.folder, join(outer, 'nginx'))
  try {
    await yard.run({ publicUrl: nginx.url })
    await prove('a made-up mesh with retracted and lost wheels: nginx answers as the node', async () => {
      await compareAll(yard.mesh.url, nginx.url, {
        projects: ['demo-long', 'small'],
        wheels: [listed.wheel, lost.wheel],
        logs: [listed.log.sha256],
        retracted: retracted.wheel
      })
    })
  } finally {
    await nginx.stop()
    await yard.close()
  }
}

async function proveRealNode(): Promise<void> {
  const upstream = await startFixtureUpstream()
  const yard = await createYard({ pythons: [], upstream: upstream.url })
  try {
    const [found] = await findPythons()
    if (found === undefined) throw new Error('no Python 3.8 or newer was found')
    const python = await openPython(found, join(yard.folder, 'python'))
    const node = yard.node('alpha', { pythons: [python] })
    await startAndBuild(node, upstream)
    await proveMirror(node, { folder: yard.folder, python, upstream })
    await node.stop()
  } catch (error) {
    console.error(yard.logs())
    throw error
  } finally {
    await yard.close()
    await upstream.close()
  }
}

async function startAndBuild(node: NodeProcess, upstream: FixtureUpstream): Promise<void> {
  await node.start()
  for (const [name, kind] of Object.entries(SDISTS))
    upstream.publish(name, await fixtureSdist(kind, { name }))
  say(`building ${Object.keys(SDISTS).join(', ')}`)
  await node.command('want', ...Object.keys(SDISTS), '--wait', '--json')
}

interface Around {
  readonly folder: string
  readonly python: string
  readonly upstream: FixtureUpstream
}

async function proveMirror(node: NodeProcess, { folder, python, upstream }: Around): Promise<void> {
  const exported = join(folder, 'export')
  const run = async (...words: readonly string[]): Promise<ExportSummary> => {
    const { stdout, stderr, code } = await node.command('export', exported, '--json', ...words)
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout) as ExportSummary
  }
  await prove('commonwheel export writes the index', async () => {
    const { projects, files } = await run()
    if (projects.exported !== 3 || files.wheels !== 2) throw new Error(JSON.stringify({ projects, files }))
  })
  const nginx = await startNginx(exported, join(folder, 'nginx'))
  try {
    await prove('a second run writes what is new, a third one nothing', async () => {
      if (!(await run('--url', nginx.url)).changed)
        throw new Error('the address of the mirror made no difference')
      const { changed, bytesWritten, files } = await run('--url', nginx.url)
      if (changed || bytesWritten > 0 || files.fetched > 0) throw new Error('something was written')
    })
    const locked = await lockedOf(node)
    await prove('a node of one with built wheels: nginx answers as the node', async () => {
      const logs = (await buildsOf(node)).map(({ log }) => log)
      const sizes = (await buildsOf(node)).flatMap(({ wheel }) => (wheel === undefined ? [] : [wheel]))
      await compareAll(node.url('/'), nginx.url, { projects: Object.keys(SDISTS), wheels: sizes, logs })
    })
    await proveInstalls(node, nginx.url, { folder, python, locked })
    await prove('nginx sent every wheel itself, and complained of nothing', async () => {
      const requests = await nginx.requests()
      for (const { filename } of locked) {
        if (!requests.some((line) => line.includes(`${filename} 200`)))
          throw new Error(`${filename} was not asked for`)
      }
      const errors = await nginx.errors()
      if (/\[(crit|alert|emerg|error)\]/.test(errors)) throw new Error(errors)
    })
    await prove('what upstream publishes later is there after the next run', async () => {
      upstream.publish('fixture-later', await fixtureSdist('pure', { name: 'fixture-later' }))
      await node.command('want', 'fixture-later', '--wait', '--json')
      await run('--url', nginx.url)
      const page = await (await fetch(`${nginx.url}simple/fixture-later/`)).text()
      if (!page.includes('.whl')) throw new Error(page)
    })
  } finally {
    await nginx.stop()
  }
}

async function compareAll(
  node: string,
  mirror: string,
  inventory: Parameters<typeof sameAnswers>[2]
): Promise<void> {
  const { questions, known, amiss } = await sameAnswers(node, mirror, inventory)
  proof.questions += questions
  for (const [difference, count] of known) {
    proof.known.set(difference, (proof.known.get(difference) ?? 0) + count)
  }
  if (amiss.length === 0) return
  const lines = amiss
    .slice(0, 20)
    .map(({ question, what, node: one, mirror: other }) =>
      [question, `${what}: node ${one}, nginx ${other}`].join('\n      ')
    )
  throw new Error(`${amiss.length} differences\n    ${lines.join('\n    ')}`)
}

async function lockedOf(node: NodeProcess): Promise<readonly Locked[]> {
  const files = await Promise.all(
    Object.keys(SDISTS).map(async (project) => ({ project, files: await indexFiles(node, project) }))
  )
  return files.flatMap(({ project, files }) =>
    files
      .filter(({ filename }) => filename.endsWith('.whl'))
      .map(({ filename, hashes }) => ({
        project,
        version: filename.split('-')[1] ?? '',
        filename,
        sha256: hashes.sha256
      }))
  )
}

async function proveInstalls(
  node: NodeProcess,
  mirror: string,
  {
    folder,
    python,
    locked
  }: { readonly folder: string; readonly python: string; readonly locked: readonly Locked[] }
): Promise<void> {
  const place = join(folder, 'installs')
  await mkdir(place)
  const installs = await Installs.create(python, place, locked)
  const sources = [
    ['node', node.url('/simple/')],
    ['nginx', `${mirror}simple/`]
  ] as const
  for (const [from, url] of sources) {
    await prove(`pip downloads and installs with --require-hashes from ${from}`, async () => {
      proof.installs.push(await installs.byPip(from, url))
    })
  }
  const uv = await findUv(python, join(place, 'uv'))
  if (uv === undefined) say('uv cannot be had from the index that pip uses here: without it')
  for (const [from, url] of uv === undefined ? [] : sources) {
    await prove(`uv installs with --require-hashes from ${from}`, async () => {
      proof.installs.push(await installs.byUv(uv!, from, url))
    })
  }
  await prove('all of them have the same files with the same digests', async () => {
    const digests = new Set(proof.installs.map(({ digest, files }) => `${files} ${digest}`))
    if (digests.size !== 1) throw new Error([...digests].join(', '))
    for (const { tool, from, wheels } of proof.installs.filter(({ tool }) => tool === 'pip')) {
      for (const { filename, sha256 } of locked) {
        if (wheels[filename] !== sha256)
          throw new Error(`${tool} from ${from}: ${filename} is ${wheels[filename] ?? 'not there'}`)
      }
    }
  })
}
