import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CliContext, Terminal } from '../../src/cli/cli-context.ts'
import { loadService } from '../../src/cli/service-port.ts'
import { loadStorage } from '../../src/cli/storage-port.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { type ApiFile, writeApiFile } from '../../src/config/api-file.ts'
import type { NodeView } from '../../src/http/api-types.ts'
import type { AppParts } from '../../src/http/app.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { BUILDER, CP311, TOKEN, type TestApp, testApp } from '../http/http-fixtures.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class FakeTerminal implements Terminal {
  readonly written: string[] = []
  readonly rows = 24

  readonly isTTY: boolean
  readonly columns: number

  constructor(isTTY = false, columns = 80) {
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string): void {
    this.written.push(text)
  }

  get text(): string {
    return this.written.join('')
  }
}

/** Runs one command line as a person would, in a process of its own making. */
export async function run(words: readonly string[], over: Partial<CliContext> = {}): Promise<Ran> {
  const stdout = new FakeTerminal()
  const stderr = new FakeTerminal()
  const context: CliContext = {
    version: '1.2.3',
    env: {},
    stdout,
    stderr,
    signal: new AbortController().signal,
    sleep: async (_ms, { signal } = {}) => {
      signal?.throwIfAborted()
    },
    wallMs: () => 1_767_225_600_000,
    elapsedMs: () => 65_000,
    loadNode: () => Promise.reject(new Error('this test has no node')),
    loadSimulator: () => Promise.reject(new Error('this test has no simulator')),
    loadStorage,
    loadService,
    ...over
  }
  const code = await runCli(words, context)
  return { code, stdout: stdout.text, stderr: stderr.text }
}

export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cw-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface Served extends TestApp {
  readonly dataDir: string
  readonly file: ApiFile
  /** A command with the data folder of this node. */
  readonly run: (words: readonly string[], over?: Partial<CliContext>) => Promise<Ran>
  readonly stop: () => Promise<void>
}

/** A node's HTTP side on a real socket over a fake node, with the file that leads to it. */
export async function serve(over: Partial<AppParts> = {}, token = TOKEN): Promise<Served> {
  const made = testApp(over)
  made.control.nodes = async () => [
    aNode(),
    aNode({ id: `${BUILDER.slice(0, -8)}shedshed`, label: 'pi-shed', self: false })
  ]
  const server = createHttpServer(made.app, { host: '127.0.0.1', port: 0, closeGraceMs: 200 })
  await server.start()
  onTestFinished(() => server.stop())
  const dataDir = await tempFolder()
  const file = { url: `http://127.0.0.1:${server.address().port}/`, token, pid: 4242 }
  await writeApiFile(dataDir, file)
  return {
    ...made,
    dataDir,
    file,
    run: (words, context) => run([...words, '--data', dataDir], context),
    stop: () => server.stop()
  }
}

export function aNode(over: Partial<NodeView> = {}): NodeView {
  return {
    id: BUILDER,
    label: 'pi-kitchen',
    contact: '',
    self: true,
    connected: true,
    roles: ['build', 'index'],
    targets: [CP311],
    level: 'trusted',
    software: '0.1.0',
    hardware: { arch: 'arm', cores: 4, memoryBytes: 1024 ** 3, model: 'Raspberry Pi 3' },
    addresses: [],
    running: [],
    ...over
  }
}
