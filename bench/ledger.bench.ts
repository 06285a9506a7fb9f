import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Level } from 'level'
import { databaseFolder } from '../src/storage/keys.ts'
import { NodeProcess } from '../test/support/spawn-node.ts'
import type { LoadAnswer, LoadOrder } from './http-load.child.ts'
import { makeFolder, pageOf, projectName, RESULTS_OF_PAGE } from './ledger-folder.ts'

/**
 * A node with a large ledger: how long until it serves, what it then takes of memory, and whether a page costs more than on a node
 * whose ledger is empty. Both nodes are real processes on the same machine; the page is the same but for the mesh's wheels. Rounds
 * alternate, the ratio is the median of the rounds'.
 *
 *     npm run build && npx tsx bench/ledger.bench.ts [--results 1000000] [--pages 1000] [--rounds 5] [--json]
 */
const { values: options } = parseArgs({
  options: {
    results: { type: 'string', default: '1000000' },
    pages: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false }
  }
})
const RESULTS = Number(options.results)
const PAGES = Math.min(Number(options.pages), Math.max(1, Math.floor(RESULTS / 50)))
const ROUND_MS = 2_000
const CONNECTIONS = 8
const BATCH_ROWS = 1_000
const GOALS = { startMs: 5_000, residentMiB: 300, ratio: 1 }
const HEADERS = { accept: 'application/vnd.pypi.simple.v1+json' }

const folder = await mkdtemp(join(tmpdir(), 'ledger-bench-'))
const upstream = await startUpstream()
const nodes: NodeProcess[] = []
try {
  await main()
} finally {
  for (const node of nodes) await node.kill()
  upstream.server.closeAllConnections()
  upstream.server.close()
  await rm(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  say(`a ledger of ${RESULTS} results is made`)
  const [large, empty] = [join(folder, 'large'), join(folder, 'empty')]
  const made = await makeFolder({ dataDir: large, results: RESULTS, pages: PAGES, upstream: upstream.url })
  // Nothing but what the one page lists.
  await makeFolder({ dataDir: empty, results: RESULTS_OF_PAGE, pages: 1, upstream: upstream.url })
  const localWritePerSecond = await bareWrites(large)
  const first = await timedStart('large', large)
  const other = await timedStart('empty', empty)
  const ratios = await compare(first.node, other.node)
  const settled = await untilBoardIsMade(first.node)
  const figures = {
    results: RESULTS,
    startMs: Math.round(first.startMs),
    emptyStartMs: Math.round(other.startMs),
    residentMiB: first.memory.residentMiB,
    ownMemoryMiB: first.memory.ownMiB,
    emptyResidentMiB: other.memory.residentMiB,
    simpleRatioToEmpty: round2(median(ratios)),
    boardMadeMs: Math.round(settled.ms),
    boardProjects: settled.projects,
    settledResidentMiB: settled.memory.residentMiB,
    settledOwnMemoryMiB: settled.memory.ownMiB,
    takenPerSecond: Math.round(made.takenPerSecond),
    localWritePerSecond: Math.round(localWritePerSecond)
  }
  say(
    `spawn to the first page   ${figures.startMs} ms (goal: below ${GOALS.startMs}; empty ledger: ${figures.emptyStartMs})`
  )
  say(
    `resident memory then      ${figures.residentMiB} MiB, ${figures.ownMemoryMiB} without mapped files (goal: below ${GOALS.residentMiB}; empty: ${figures.emptyResidentMiB})`
  )
  say(
    `page, to an empty ledger  ${figures.simpleRatioToEmpty} (goal: ${GOALS.ratio}), rounds ${ratios.map(round2).join(' ')}`
  )
  say(
    `board of ${figures.boardProjects} projects made after ${figures.boardMadeMs} ms; resident memory then ${figures.settledResidentMiB} MiB, ${figures.settledOwnMemoryMiB} without mapped files`
  )
  say(
    `results taken in, views included: ${figures.takenPerSecond}/s; the same keys and values by bare LevelDB batches: ${figures.localWritePerSecond}/s`
  )
  if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
}

interface Started {
  readonly node: NodeProcess
  readonly startMs: number
  readonly memory: Memory
}

/** From the moment of the spawn to the last byte of a project's page that lists wheels of the mesh. */
async function timedStart(name: string, dataDir: string): Promise<Started> {
  const node = new NodeProcess({
    name,
    dataDir,
    pythons: [],
    upstream: upstream.url,
    program: ['dist/cli/main.js'],
    settings: { roles: ['index'], logLevel: 'info' },
    env: process.env
  })
  nodes.push(node)
  const began = performance.now()
  await node.start()
  const body = await (await fetch(node.url(`/simple/${projectName(0)}/`), { headers: HEADERS })).text()
  const startMs = performance.now() - began
  const wheels = body.split('.whl"').length - 1
  if (name === 'large' && wheels === 0) throw new Error('the page lists no wheel of the mesh')
  return { node, startMs, memory: await memoryOf(node.pid) }
}

/** Requests a second of the two nodes, in turns. */
async function compare(large: NodeProcess, empty: NodeProcess): Promise<readonly number[]> {
  const ratios: number[] = []
  for (const node of [large, empty]) await load(node, ROUND_MS / 4)
  for (let at = 0; at < Number(options.rounds); at++) {
    const one = await load(large, ROUND_MS)
    ratios.push(one / (await load(empty, ROUND_MS)))
  }
  return ratios
}

async function load(node: NodeProcess, durationMs: number): Promise<number> {
  const child = fork(fileURLToPath(new URL('./http-load.child.ts', import.meta.url)))
  const port = Number(new URL(node.ready.pageUrl).port)
  const order: LoadOrder = {
    port,
    path: `/simple/${projectName(0)}/`,
    headers: HEADERS,
    connections: CONNECTIONS,
    durationMs
  }
  child.send(order)
  const [answer] = (await once(child, 'message')) as [LoadAnswer]
  child.disconnect()
  return (answer.requests * 1_000) / answer.elapsedMs
}

/** The board is made in the background: the node says when. */
async function untilBoardIsMade(
  node: NodeProcess
): Promise<{ ms: number; projects: number; memory: Memory }> {
  for (;;) {
    const line = node.log.split('\n').find((one) => one.includes('the job board is made'))
    if (line !== undefined) {
      const facts = JSON.parse(line) as { readonly tookMs: number; readonly projects: number }
      return { ms: facts.tookMs, projects: facts.projects, memory: await memoryOf(node.pid) }
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

interface Memory {
  readonly residentMiB: number
  /** Without the pages of files that are mapped: LevelDB maps its tables, and the system takes them back when it wants to. */
  readonly ownMiB: number
}

async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN)
  return { residentMiB: Math.round(field('VmRSS') / 1024), ownMiB: Math.round(field('RssAnon') / 1024) }
}

/** Results a second at which LevelDB alone takes the keys and values that the ledger left, in batches. */
async function bareWrites(dataDir: string): Promise<number> {
  const from = new Level<string, Uint8Array>(databaseFolder(dataDir), { valueEncoding: 'view' })
  const to = new Level<string, Uint8Array>(join(folder, 'bare'), { valueEncoding: 'view' })
  let spentMs = 0
  let lot: { type: 'put'; key: string; value: Uint8Array }[] = []
  const write = async (): Promise<void> => {
    const began = performance.now()
    await to.batch(lot)
    spentMs += performance.now() - began
    lot = []
  }
  for await (const [key, value] of from.iterator()) {
    lot.push({ type: 'put', key, value })
    if (lot.length >= BATCH_ROWS) await write()
  }
  await write()
  await from.close()
  await to.close()
  return (RESULTS * 1_000) / spentMs
}

async function startUpstream(): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    const name = /^\/simple\/([^/]+)\/$/.exec(request.url ?? '')?.[1]
    response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json')
    response.end(JSON.stringify(pageOf(name ?? '')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/` }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function round2(value: number): number {
  return Math.round(value * 100) / 100
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
