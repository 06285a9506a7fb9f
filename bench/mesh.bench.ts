import { readFile } from 'node:fs/promises'
import type { BuildView, StatusView } from '../src/http/api-types.ts'
import { fixtureSdist } from '../test/fixtures/sdists.ts'
import { startFixtureUpstream, type FixtureUpstream } from '../test/support/fixture-upstream.ts'
import { createYard, type Yard } from '../test/support/node-yard.ts'
import type { NodeProcess } from '../test/support/spawn-node.ts'

/**
 * What a mesh of three processes on this machine costs and how soon it tells: start-up, memory of an idle node, and the time from
 * "the builder has signed a result" to "the farthest node lists the wheel, and gives its bytes". A fixture upstream, no network.
 * Usage: npm run build && npx tsx bench/mesh.bench.ts [wheels]
 */
const WHEELS = Number(process.argv[2] ?? 9)
/** Often enough to see what takes milliseconds, rare enough not to slow it. */
const POLL_MS = 4
const IDLE_MS = 20_000
const DEADLINE_MS = 120_000

async function main(): Promise<void> {
  const upstream = await startFixtureUpstream()
  const yard = await createYard({ pythons: ['/usr/bin/python3'], upstream: upstream.url })
  try {
    const nodes = await startThree(yard)
    await measureIdle(nodes)
    await measureNews(nodes, upstream)
  } finally {
    await yard.close()
    await upstream.close()
  }
}

async function startThree(yard: Yard): Promise<readonly NodeProcess[]> {
  const first = yard.node('first')
  const { ticket } = await first.start()
  const nodes = [first, yard.node('second'), yard.node('third', { settings: { roles: ['index'] } })]
  for (const node of nodes.slice(1)) await node.start(ticket)
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    await first.stop()
    const startMs = performance.now()
    const starting = first.start()
    await until(() => answers(first))
    times.push(performance.now() - startMs)
    await starting
  }
  report('start of a known node until it is up (ms)', times)
  return nodes
}

/** The ready line comes when everything runs, the index included. */
async function answers(node: NodeProcess): Promise<boolean> {
  try {
    return (await node.api<StatusView>('/api/v1/status')).node.id !== ''
  } catch {
    return false
  }
}

async function measureIdle(nodes: readonly NodeProcess[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const before = await Promise.all(nodes.map(({ pid }) => cpuMs(pid)))
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const after = await Promise.all(nodes.map(({ pid }) => cpuMs(pid)))
  report('resident memory of an idle node (MB)', await Promise.all(nodes.map(({ pid }) => residentMb(pid))))
  report(
    'CPU of an idle node (% of a core)',
    after.map((ms, index) => (100 * (ms - (before[index] ?? 0))) / IDLE_MS)
  )
}

async function measureNews(nodes: readonly NodeProcess[], upstream: FixtureUpstream): Promise<void> {
  const [listed, fetched]: [number[], number[]] = [[], []]
  for (let i = 0; i < WHEELS; i++) {
    const name = `bench-news-${i}`
    upstream.publish(name, await fixtureSdist('pure', { name }))
    await nodes[0]?.command('want', name)
    const { signedMs, builder, sha256, filename } = await untilSigned(nodes, name)
    const far = nodes.filter((node) => node.id !== builder)
    await until(async () => (await Promise.all(far.map((node) => lists(node, name)))).every(Boolean))
    listed.push(performance.now() - signedMs)
    for (const node of far) await (await fetch(node.url(`/files/${sha256}/${filename}`))).arrayBuffer()
    fetched.push(performance.now() - signedMs)
  }
  report('result signed → listed by the farthest of three (ms)', listed)
  report('result signed → its bytes had from both others (ms)', fetched)
}

interface Signed {
  readonly signedMs: number
  readonly builder: string
  readonly sha256: string
  readonly filename: string
}

/** Asks every node, because any of them may build; the builder shows its result first. */
async function untilSigned(nodes: readonly NodeProcess[], name: string): Promise<Signed> {
  let signed: Signed | undefined
  await until(async () => {
    const answers = await Promise.all(
      nodes.map((node) => node.api<BuildView[]>(`/api/v1/builds?project=${name}`))
    )
    const build = answers.flat()[0]
    if (build?.wheel === undefined) return false
    const { sha256, filename } = build.wheel
    signed = { signedMs: performance.now(), builder: build.builder, sha256, filename }
    return true
  })
  if (signed === undefined) throw new Error('nothing was built')
  return signed
}

async function lists(node: NodeProcess, name: string): Promise<boolean> {
  const accept = { headers: { accept: 'application/vnd.pypi.simple.v1+json' } }
  const page = await (await fetch(node.url(`/simple/${name}/`), accept)).text()
  return page.includes('.whl')
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('it takes too long')
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** User and system time, in clock ticks of 10 ms. */
async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function report(what: string, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const range = `${(sorted[0] ?? 0).toFixed(1)} to ${(sorted.at(-1) ?? 0).toFixed(1)}`
  console.log(`${what.padEnd(58)} median ${median.toFixed(1)}, ${range}, n = ${sorted.length}`)
}

await main()
