import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAKE_TARGET, type BuildEvent } from '../../test/support/fake-builder.ts'
import { buildsOf, statusOf } from '../../test/support/mesh-views.ts'
import { hermeticEnv, type Yard } from '../../test/support/node-yard.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { halfOf, type MeshNetwork } from './mesh-network.ts'

export interface FleetOptions {
  readonly nodes: number
  readonly upstream: string
  /** `MIN-MAX` milliseconds. */
  readonly buildMs: string
}

const FAKE_NODE = fileURLToPath(new URL('../../test/support/fake-node.child.ts', import.meta.url))
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const POLL_MS = 250
/** Two cores start this many at a time without starving each other of their time limits. */
const STARTS_AT_ONCE = 4

/** The nodes of one proof, and what can be asked of them from outside. */
export class Fleet {
  readonly nodes: readonly NodeProcess[]
  readonly #yard: Yard
  readonly #asleep = new Set<NodeProcess>()
  /** Ids stay what they are when a node is away. */
  readonly #ids = new Map<NodeProcess, string>()
  #ticket: string | undefined

  constructor(yard: Yard, network: MeshNetwork, { nodes, upstream, buildMs }: FleetOptions) {
    this.#yard = yard
    this.nodes = network.places.slice(0, nodes).map(({ under, listen, httpHost, env }, index) =>
      yard.node(`node-${LETTERS[index] ?? index}`, {
        upstream,
        under,
        listen,
        httpHost,
        program: ['--import', 'tsx', FAKE_NODE],
        env: { ...hermeticEnv(yard.folder), ...env, FAKE_BUILD_MS: buildMs }
      })
    )
  }

  async start(): Promise<void> {
    const [founder, ...others] = this.nodes as [NodeProcess, ...NodeProcess[]]
    this.#ticket = (await founder.start()).ticket
    for (let at = 0; at < others.length; at += STARTS_AT_ONCE)
      await Promise.all(others.slice(at, at + STARTS_AT_ONCE).map((node) => node.start(this.#ticket)))
    for (const node of this.nodes) this.#ids.set(node, node.id)
  }

  idOf(node: NodeProcess): string {
    return this.#ids.get(node) ?? ''
  }

  half(node: NodeProcess): 0 | 1 {
    return halfOf(this.nodes.indexOf(node), this.nodes.length)
  }

  /** Those that run and are not stopped by a signal. */
  awake(): readonly NodeProcess[] {
    return this.nodes.filter((node) => node.isRunning() && !this.#asleep.has(node))
  }

  pause(node: NodeProcess): void {
    this.#asleep.add(node)
    process.kill(node.pid, 'SIGSTOP')
  }

  resume(node: NodeProcess): void {
    process.kill(node.pid, 'SIGCONT')
    this.#asleep.delete(node)
  }

  /** Whom each of these nodes takes for the coordinator of the target. */
  async named(nodes = this.awake()): Promise<readonly (string | undefined)[]> {
    return Promise.all(
      nodes.map(async (node) => {
        const status = await statusOf(node).catch(() => undefined)
        return status?.coordinators.find(({ shard }) => shard === FAKE_TARGET.id)?.node
      })
    )
  }

  /** The coordinator, when it and every other node that is awake name it. */
  async coordinator(): Promise<NodeProcess | undefined> {
    const named = new Set(await this.named())
    const [only] = named
    return named.size !== 1 ? undefined : this.awake().find((node) => this.idOf(node) === only)
  }

  /** Every node that is awake is connected to all the others. */
  async isConnected(): Promise<boolean> {
    const awake = this.awake()
    const peers = await Promise.all(
      awake.map((node) =>
        statusOf(node).then(
          ({ peers }) => peers.connected,
          () => 0
        )
      )
    )
    return peers.every((count) => count >= awake.length - 1)
  }

  /** What the builders wrote down, by node. */
  books(): ReadonlyMap<NodeProcess, readonly BuildEvent[]> {
    return new Map(this.nodes.map((node) => [node, bookOf(node.dataDir)] as const))
  }

  events(nodes = this.nodes): readonly BuildEvent[] {
    return nodes.flatMap((node) => bookOf(node.dataDir))
  }

  /** `builder job finished` of every result that these nodes know. */
  async results(): Promise<readonly string[]> {
    const lists = await Promise.all(this.awake().map((node) => buildsOf(node).catch(() => [])))
    return lists.flat().map(({ builder, job, finishedMs }) => `${builder} ${job} ${finishedMs}`)
  }

  logs(): string {
    return this.#yard.logs()
  }
}

function bookOf(dataDir: string): readonly BuildEvent[] {
  const file = join(dataDir, 'book.ndjson')
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as BuildEvent)
}

/** Asks until the answer is neither undefined nor false; rejects after so many seconds, which are generous. */
export async function eventually<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined | false>
): Promise<T> {
  const endMs = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > endMs) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await sleep(POLL_MS)
  }
}
