import '../../src/node/polyfills.ts'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CliContext, Terminal } from '../../src/cli/cli-context.ts'
import { loadNode } from '../../src/cli/node-port.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { loadSimulator } from '../../src/cli/sim-port.ts'
import { loadStorage } from '../../src/cli/storage-port.ts'
import type { setupBuilder } from '../../src/node/setup-builder.ts'
import { createFakeBuilder, FAKE_TARGET } from './fake-builder.ts'
import { dialThroughProxies } from './through-proxies.ts'

/*
 * `commonwheel` in every respect but one: it builds with a clock in place of a compiler. FAKE_BUILD_MS=MIN-MAX says how long,
 * FAKE_WHEEL_KIB=MIN-MAX how large its wheels are; FAKE_PROXIES says which ports of loopback are reached through which others,
 * where a cut needs a proxy.
 */

const [minMs = 1_000, maxMs = minMs] = (process.env['FAKE_BUILD_MS'] ?? '').split('-').map(Number)
const [minKiB = 0, maxKiB = minKiB] = (process.env['FAKE_WHEEL_KIB'] ?? '').split('-').map(Number)
dialThroughProxies(process.env['FAKE_PROXIES'])
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted.abort(new Error('interrupted'))
  })
}
// As cli/main.ts does: a node lives on whatever some stream of some peer forgot to catch.
process.on('unhandledRejection', (error) => {
  console.error(`unexpected: ${String(error)}`)
})

const setUpFakeBuilder: typeof setupBuilder = async ({ dataDir, name }, { blobs }) => ({
  builder: createFakeBuilder(blobs, {
    label: name,
    bookFile: join(dataDir, 'book.ndjson'),
    minMs,
    maxMs,
    ...(minKiB > 0 && { wheelKiB: [minKiB, maxKiB] as const })
  }),
  targets: [FAKE_TARGET],
  refusal: undefined
})

const terminalOf = (stream: NodeJS.WriteStream): Terminal => ({
  isTTY: false,
  columns: 80,
  rows: 24,
  write: (text) => {
    stream.write(text)
  }
})

const context: CliContext = {
  version: '0.0.0',
  env: process.env,
  stdout: terminalOf(process.stdout),
  stderr: terminalOf(process.stderr),
  signal: interrupted.signal,
  sleep: async (ms) => {
    await sleep(ms)
  },
  elapsedMs: () => process.uptime() * 1000,
  loadSimulator,
  loadStorage,
  loadNode: async () => {
    const { startNode, foundMesh } = await loadNode()
    const start: typeof startNode = (config, options) =>
      startNode(config, { ...options, setupBuilder: setUpFakeBuilder })
    return { startNode: start, foundMesh }
  }
}

process.exit(await runCli(process.argv.slice(2), context))
