import { fork } from 'node:child_process'
import { type Server, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { fileFitsTarget, mergeProject } from '../src/core/merge-index.ts'
import { createApp } from '../src/http/app.ts'
import { createHttpServer } from '../src/http/server.ts'
import { aMerged, aPublished, testApp, upstreamFile, upstreamPage } from '../test/http/http-fixtures.ts'
import type { LoadAnswer, LoadOrder } from './http-load.child.ts'

/**
 * What a project page costs over what Node itself costs: the same bytes and headers from a bare node:http server.
 * Both run in this process in turn; the load comes from another. Requests a second depend on the machine and on the
 * load's own speed, CPU time per request of the server much less. Medians of 5 rounds.
 *
 *     npx tsx bench/index-page.bench.ts
 */
const ROUNDS = 5
const ROUND_MS = 1_500
const CONNECTIONS = 16
const HEADERS = { accept: 'application/vnd.pypi.simple.v1+json', 'accept-encoding': 'gzip' }

/** What node:http adds by itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['connection', 'date', 'keep-alive'])

interface Measured {
  readonly perSecond: number
  readonly cpuMicros: number
}

await main()

async function main(): Promise<void> {
  const sizes = [4, 120, 4_000]
  for (const files of sizes) await compare(files)
}

async function compare(fileCount: number): Promise<void> {
  const ours = await startOurs(fileCount)
  const sample = await fetch(`http://127.0.0.1:${ours.port}/simple/demo/`, { headers: HEADERS })
  const etag = sample.headers.get('etag') ?? ''
  await sample.arrayBuffer()
  const bare = await startBare(await rawAnswer(ours.port))
  const rounds = { ours: [] as Measured[], bare: [] as Measured[], unchanged: [] as Measured[] }
  await measure(ours.port, {})
  await measure(bare.port, {})
  for (let round = 0; round < ROUNDS; round++) {
    rounds.ours.push(await measure(ours.port, {}))
    rounds.bare.push(await measure(bare.port, {}))
    rounds.unchanged.push(await measure(ours.port, { 'if-none-match': etag }))
  }
  print(fileCount, rounds)
  await ours.stop()
  await bare.stop()
}

function print(
  files: number,
  rounds: Readonly<Record<'ours' | 'bare' | 'unchanged', readonly Measured[]>>
): void {
  const row = (name: 'ours' | 'bare' | 'unchanged'): string => {
    const perSecond = Math.round(median(rounds[name].map((round) => round.perSecond)))
    const micros = median(rounds[name].map((round) => round.cpuMicros)).toFixed(1)
    return `${name.padEnd(10)} ${String(perSecond).padStart(7)} requests/s  ${micros.padStart(7)} µs CPU/request`
  }
  const cost =
    median(rounds.ours.map(({ cpuMicros }) => cpuMicros)) /
    median(rounds.bare.map(({ cpuMicros }) => cpuMicros))
  const speed =
    median(rounds.ours.map(({ perSecond }) => perSecond)) /
    median(rounds.bare.map(({ perSecond }) => perSecond))
  process.stdout.write(
    [
      `a page of ${files} files:`,
      row('ours'),
      row('bare'),
      row('unchanged'),
      `ours/bare: speed ${speed.toFixed(2)}, CPU ${cost.toFixed(2)}`,
      '',
      ''
    ].join('\n')
  )
}

async function measure(port: number, extra: Readonly<Record<string, string>>): Promise<Measured> {
  const before = process.cpuUsage()
  const { requests, elapsedMs } = await load({
    port,
    path: '/simple/demo/',
    headers: { ...HEADERS, ...extra },
    connections: CONNECTIONS,
    durationMs: ROUND_MS
  })
  const { user, system } = process.cpuUsage(before)
  return { perSecond: (requests * 1000) / elapsedMs, cpuMicros: (user + system) / requests }
}

async function load(order: LoadOrder): Promise<LoadAnswer> {
  const child = fork(fileURLToPath(new URL('./http-load.child.ts', import.meta.url)))
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => {
      resolve(answer as LoadAnswer)
      child.disconnect()
    })
    child.once('error', reject)
    child.send(order)
  })
}

async function startOurs(fileCount: number): Promise<{ port: number; stop(): Promise<void> }> {
  const files = Array.from({ length: fileCount }, (_, i) => upstreamFile(`demo-1.${i}.tar.gz`))
  const wheel = aPublished('demo-1.0-cp311-cp311-linux_armv7l.whl')
  const merged =
    mergeProject({ page: upstreamPage(files), wheels: [wheel], fits: fileFitsTarget }) ?? aMerged()
  const { parts } = testApp({
    index: { project: async () => ({ merged, revision: '1' }), projectNames: async () => ['demo'] }
  })
  const server = createHttpServer(createApp(parts, { token: 't' }), { host: '127.0.0.1', port: 0 })
  await server.start()
  return { port: server.address().port, stop: () => server.stop() }
}

interface Answer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** With the encoding as it was sent, which fetch would undo. */
async function rawAnswer(port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/simple/demo/', headers: HEADERS, agent: false }, (message) => {
      const chunks: Buffer[] = []
      const headers = Object.fromEntries(
        Object.entries(message.headers).filter(([name]) => !OWN_HEADERS.has(name))
      )
      message.on('data', (chunk: Buffer) => chunks.push(chunk))
      message.on('end', () => {
        resolve({ headers: headers as Record<string, string>, body: Buffer.concat(chunks) })
      })
    })
      .on('error', reject)
      .end()
  })
}

async function startBare({ headers, body }: Answer): Promise<{ port: number; stop(): Promise<void> }> {
  const server: Server = createServer((_, response) => {
    response.writeHead(200, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async (): Promise<void> => {
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
  }
  return { port: (server.address() as AddressInfo).port, stop }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
