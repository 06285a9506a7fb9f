import { setTimeout as sleep } from 'node:timers/promises'
import type { CliContext, Terminal } from '../../src/cli/cli-context.ts'
import { loadNode } from '../../src/cli/node-port.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { loadService } from '../../src/cli/service-port.ts'
import { loadSimulator } from '../../src/cli/sim-port.ts'
import { loadStorage } from '../../src/cli/storage-port.ts'
import type { setupBuilder } from '../../src/node/setup-builder.ts'
import { systemClock } from '../../src/node/system-clock.ts'

const terminalOf = (stream: NodeJS.WriteStream): Terminal => ({
  isTTY: false,
  columns: 80,
  rows: 24,
  write: (text) => {
    stream.write(text)
  }
})

/** This process is `commonwheel` with the words of its command line, in every respect but one: what builds. Gives the exit code. */
export async function runWithBuilder(setUp: typeof setupBuilder): Promise<number> {
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
  const context: CliContext = {
    version: '0.0.0',
    env: process.env,
    stdout: terminalOf(process.stdout),
    stderr: terminalOf(process.stderr),
    signal: interrupted.signal,
    sleep: async (ms) => {
      await sleep(ms)
    },
    wallMs: () => systemClock.wallMs(),
    elapsedMs: () => process.uptime() * 1000,
    loadSimulator,
    loadStorage,
    loadService,
    loadNode: async () => {
      const { startNode, foundMesh } = await loadNode()
      const start: typeof startNode = (config, options) =>
        startNode(config, { ...options, setupBuilder: setUp })
      return { startNode: start, foundMesh }
    }
  }
  return runCli(process.argv.slice(2), context)
}
