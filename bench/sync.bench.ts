import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { NodeId } from '../src/core/ids.ts'
import type { SyncFigures, SyncOrder } from './sync.child.ts'
import { CLIENT, SECOND } from './sync-records.ts'

/**
 * Cold sync of a whole ledger into an empty node, views included, between two processes over loopback, beside what LevelDB alone
 * takes in for the same keys and values; then what 100 new records cost. Round trips are counted on the wire: a proxy holds
 * every byte back for a while in each direction, and the time of the pull is divided by that.
 *
 *     npx tsx bench/sync.bench.ts [--results 1000000] [--rounds 1] [--json] [--profile FOLDER]
 */
const { values: options } = parseArgs({
  options: {
    results: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    profile: { type: 'string' }
  }
})
const RESULTS = Number(options.results)
const NEW_RECORDS = 100
/** One way through the proxy. */
const DELAY_MS = 250
const GOALS = { ratio: 0.5, roundTrips: 2, bytes: 64 * 1024 }

const folder = await mkdtemp(join(tmpdir(), 'sync-bench-'))
const children: ChildProcess[] = []
try {
  await main()
} finally {
  for (const child of children) child.kill()
  await rm(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const server = startChild('server')
  say(`filling a node with ${RESULTS} results`)
  const serving = await order(server, { order: 'serve', dataDir: join(folder, 'server'), results: RESULTS })
  const at = { from: serving.address ?? '', server: serving.id ?? ('' as NodeId) }
  const rounds: { readonly cold: number; readonly local: number }[] = []
  for (let round = 0; round < Number(options.rounds); round++) rounds.push(await compare(round, at))
  const cold = median(rounds.map((one) => one.cold))
  const local = median(rounds.map((one) => one.local))
  const ratio = median(rounds.map((one) => one.cold / one.local))
  const delta = await measureDelta(server, at)
  say(`cold sync        ${Math.round(cold)} results/s`)
  say(`bare LevelDB     ${Math.round(local)} results/s`)
  say(`ratio            ${ratio.toFixed(2)} (goal: at least ${GOALS.ratio})`)
  say(
    `${NEW_RECORDS} new records  ${delta.roundTrips.toFixed(1)} round trips, ${delta.bytes} bytes beside the records` +
      ` (goals: ${GOALS.roundTrips}, ${GOALS.bytes}); opening the stream, ${delta.opening.toFixed(1)} of them, is libp2p's`
  )
  if (options.json) {
    const figures = {
      coldSyncPerSecond: Math.round(cold),
      localWritePerSecond: Math.round(local),
      coldToLocal: Number(ratio.toFixed(3)),
      deltaRoundTrips: Math.round(delta.roundTrips - delta.opening),
      deltaRoundTripsWithOpening: Math.round(delta.roundTrips),
      deltaBytes: delta.bytes
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
}

interface Serving {
  readonly from: string
  readonly server: NodeId
}

async function compare(
  round: number,
  at: Serving
): Promise<{ readonly cold: number; readonly local: number }> {
  const dataDir = join(folder, 'client')
  await rm(dataDir, { recursive: true, force: true })
  const pulled = await runOnce('client', { order: 'pull', dataDir, self: CLIENT, ...at })
  const written = await runOnce('local', { order: 'write', dataDir, copyDir: join(folder, `copy-${round}`) })
  await rm(join(folder, `copy-${round}`), { recursive: true, force: true })
  say(
    `round ${round + 1}: ${pulled.entries} entries in ${seconds(pulled.ms)} (${seconds(pulled.cpuMs ?? 0)} CPU), ${Math.round(pulled.residentMiB ?? 0)} MiB resident, ${Math.round(pulled.ownMiB ?? 0)} without mapped files;` +
      ` LevelDB alone: ${written.keys} keys, ${Math.round((written.bytes ?? 0) / 2 ** 20)} MiB in ${seconds(written.ms)} (${seconds(written.cpuMs ?? 0)} CPU)`
  )
  return { cold: (RESULTS * 1000) / pulled.ms, local: (RESULTS * 1000) / written.ms }
}

/** A pull of nothing first: what remains is the opening of a stream and one round. */
async function measureDelta(
  server: ChildProcess,
  { from, server: id }: Serving
): Promise<{ readonly roundTrips: number; readonly opening: number; readonly bytes: number }> {
  const proxy = await startProxy(Number(/\/tcp\/(\d+)/.exec(from)?.[1]))
  const through = from.replace(/\/tcp\/\d+/, `/tcp/${proxy.port}`)
  const plan = {
    order: 'pull',
    dataDir: join(folder, 'client'),
    self: SECOND,
    from: through,
    server: id
  } as const
  const pullCounted = async (): Promise<{ readonly trips: number; readonly bytes: number }> => {
    const child = startChild('delta')
    let before = 0
    child.on('message', (message: { readonly begins?: boolean }) => {
      if (message.begins === true) before = proxy.bytes()
    })
    const { ms } = await order(child, plan)
    child.disconnect()
    return { trips: ms / (2 * DELAY_MS), bytes: proxy.bytes() - before }
  }
  const nothing = await pullCounted()
  const records = await order(server, { order: 'append', results: NEW_RECORDS })
  const news = await pullCounted()
  proxy.server.close()
  return {
    roundTrips: news.trips,
    opening: nothing.trips - 1,
    bytes: news.bytes - (records.bytes ?? 0)
  }
}

/** Everything through it is counted, and held back for {@link DELAY_MS} in its order. */
async function startProxy(
  port: number
): Promise<{ readonly server: Server; readonly port: number; bytes(): number }> {
  let bytes = 0
  const pass = (from: Socket, to: Socket): void => {
    from.setNoDelay(true)
    from.on('data', (chunk: Uint8Array) => {
      bytes += chunk.byteLength
      setTimeout(() => to.write(chunk), DELAY_MS)
    })
    from.on('close', () => setTimeout(() => to.destroy(), DELAY_MS))
    from.on('error', () => undefined)
  }
  const server = createServer((incoming) => {
    const outgoing = connect(port, '127.0.0.1')
    pass(incoming, outgoing)
    pass(outgoing, incoming)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port, bytes: () => bytes }
}

async function runOnce(name: string, plan: SyncOrder): Promise<SyncFigures> {
  const child = startChild(name)
  const figures = await order(child, plan)
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
  return figures
}

function startChild(name: string): ChildProcess {
  const profile = options.profile
  const child = fork(fileURLToPath(new URL('./sync.child.ts', import.meta.url)), {
    execArgv: [
      ...process.execArgv,
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profile, name)}`])
    ],
    serialization: 'advanced'
  })
  children.push(child)
  return child
}

async function order(child: ChildProcess, plan: SyncOrder): Promise<SyncFigures> {
  child.send(plan)
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      reject(new Error(`a process of the bench ended with ${String(code)}`))
    })
    child.on('message', (message: Partial<SyncFigures> & { readonly progress?: number }) => {
      if (message.progress !== undefined) say(`  ${Math.round(100 * message.progress)} %`)
      if (message.ms !== undefined) resolve({ ...message, ms: message.ms })
    })
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
