#!/usr/bin/env node
import '../node/polyfills.ts'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WriteStream } from 'node:tty'
import { messageOf } from '../core/errors.ts'
import { systemClock } from '../node/system-clock.ts'
import type { CliContext, Terminal } from './cli-context.ts'
import { EXIT_INTERRUPTED } from './ending.ts'
import { loadNode } from './node-port.ts'
import { runCli } from './run-cli.ts'
import { loadService } from './service-port.ts'
import { loadSimulator } from './sim-port.ts'
import { loadStorage } from './storage-port.ts'

/** A part that does not let go must not keep the program from ending. */
const EXIT_GRACE_MS = 2_000

const words = process.argv.slice(2)
endOnBrokenPipe()
tellUncaught()
const code = await runCli(words, createContext())
process.exitCode = code
setTimeout(() => process.exit(code), EXIT_GRACE_MS).unref()

function createContext(): CliContext {
  return {
    version: versionOfPackage(),
    env: process.env,
    stdout: terminalOf(process.stdout),
    stderr: terminalOf(process.stderr),
    signal: interruptSignal(),
    sleep: async (ms, { signal } = {}) => {
      await sleep(ms, undefined, signal === undefined ? {} : { signal })
    },
    wallMs: () => systemClock.wallMs(),
    elapsedMs: () => process.uptime() * 1000,
    loadNode,
    loadSimulator,
    loadStorage,
    loadService
  }
}

function terminalOf(stream: WriteStream): Terminal {
  return {
    isTTY: stream.isTTY,
    get columns() {
      return stream.isTTY ? stream.columns : 80
    },
    get rows() {
      return stream.isTTY ? stream.rows : 24
    },
    write: (text) => {
      stream.write(text)
    }
  }
}

/** The first Ctrl-C asks, the second ends. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    controller.abort(new Error('interrupted'))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return controller.signal
}

/** `commonwheel jobs | head` is no error. */
function endOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

function tellUncaught(): void {
  const end = (error: unknown): void => {
    process.stderr.write(`commonwheel: unexpected: ${messageOf(error)}\n`)
    if (words.includes('--debug') && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', (error) => {
    // A node serves and builds on whatever some stream of some peer forgot to catch; a command has nothing to go on with.
    if (words[0] !== 'join') end(error)
    process.stderr.write(`commonwheel: unexpected: ${messageOf(error)}\n`)
  })
}

function versionOfPackage(): string {
  // src/cli and dist/cli are equally deep.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
