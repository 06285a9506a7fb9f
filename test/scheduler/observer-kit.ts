import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { NodeId, ProjectName } from '../../src/core/ids.ts'
import type {
  Log,
  ObserverAnswer,
  ProjectsAnswer,
  Random,
  UpdatesAnswer,
  UpstreamAnswer,
  UpstreamIndex,
  UpstreamUpdate
} from '../../src/core/ports.ts'
import type { MeshRecord, ObservedRecord, WantRecord } from '../../src/core/record.ts'
import { UpstreamError } from '../../src/core/upstream-error.ts'
import type { MeshState } from '../../src/ledger/mesh-state.ts'
import { createObservations, type Observations } from '../../src/ledger/observations.ts'
import { createPageBook, type PageBook } from '../../src/ledger/page-book.ts'
import { createWishes } from '../../src/ledger/wishes.ts'
import { createObserver, type Observer, type ObserverOptions } from '../../src/scheduler/observer.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { memoryBlobs } from '../support/memory-blobs.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

export const second = 1_000
export const minute = 60 * second
export const hour = 60 * minute
export const PERIOD_MS = 10 * minute
/** In the middle: no wait is longer or shorter than it is said to be. */
const half: Random = { float: () => 0.5, bytes: (length) => new Uint8Array(length) }

interface Request {
  readonly what: string
  readonly atMs: number
  readonly etag: string
}

/** An index on a virtual clock that counts what is asked of it. */
class VirtualUpstream {
  readonly requests: Request[] = []
  readonly serials = new Map<ProjectName, number>()
  /** What a cache gives out in place of the newest. */
  readonly cached = new Map<ProjectName, number>()
  /** Thrown in place of any answer. */
  trouble: { readonly status: number; readonly retryAfterMs?: number } | undefined
  latencyMs = 0
  updates: readonly UpstreamUpdate[] | undefined
  /** What the list says in place of the truth. */
  listed: ReadonlyMap<string, number> | undefined
  hasSerials = true
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  publish(name: string, serial = this.serials.size + 1): ProjectName {
    const project = normalizeName(name)
    this.serials.set(project, serial)
    return project
  }

  asked(what: string): readonly Request[] {
    return this.requests.filter((request) => request.what === what)
  }

  pages(): readonly Request[] {
    return this.requests.filter(({ what }) => what !== 'list' && what !== 'feed')
  }

  client(): UpstreamIndex {
    return {
      project: async (project, { etag = '' } = {}) => {
        await this.#request(project, etag)
        return this.#page(project, etag)
      },
      download: () => {
        throw new TypeError('nothing is downloaded')
      },
      news: {
        projects: async ({ onProject }): Promise<ProjectsAnswer> => {
          await this.#request('list')
          for (const [name, serial] of this.listed ?? this.serials)
            onProject(normalizeName(name), this.hasSerials ? serial : 0)
          return { kind: 'listed', etag: '', projects: this.serials.size, serials: this.hasSerials }
        },
        updates: async (): Promise<UpdatesAnswer> => {
          await this.#request('feed')
          return this.updates === undefined
            ? { kind: 'missing' }
            : { kind: 'updates', etag: '', updates: this.updates }
        }
      }
    }
  }

  async #request(what: string, etag = ''): Promise<void> {
    this.requests.push({ what, etag, atMs: this.#clock.monotonicMs() })
    if (this.latencyMs > 0) await this.#clock.sleep(this.latencyMs)
    if (this.trouble !== undefined)
      throw new UpstreamError({ code: 'UPSTREAM_UNAVAILABLE', url: 'http://upstream/', ...this.trouble })
  }

  #page(project: ProjectName, etag: string): UpstreamAnswer {
    const serial = this.cached.get(project) ?? this.serials.get(project)
    if (serial === undefined) return { kind: 'missing' }
    const tag = `"${serial}"`
    if (tag === etag) return { kind: 'not-modified' }
    return { kind: 'page', page: { serial, etag: tag, body: pageBytes(project, serial) } }
  }
}

export function pageBytes(name: string, serial: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ meta: { '_last-serial': serial }, name, files: [] }))
}

export interface ObserverNode {
  readonly id: NodeId
  readonly observer: Observer
  readonly observations: Observations
  readonly pages: PageBook
  readonly store: ReturnType<typeof memoryBlobs>
  /** What this node wrote. */
  readonly written: ObservedRecord[]
}

/** Nodes on one virtual clock whose records reach each other at once, or after a while. */
export class ObserverMesh {
  readonly clock = new FakeClock()
  readonly upstream = new VirtualUpstream(this.clock)
  readonly wishes = createWishes()
  readonly nodes: ObserverNode[] = []
  readonly said: string[] = []
  /** Index of the node that follows upstream. */
  elected = 0
  /** Nodes that answer nobody. */
  readonly silent = new Set<NodeId>()
  readonly questions: string[] = []
  gossipMs = 0
  #records = 0
  #wants = 0

  constructor(count = 1, options: Partial<ObserverOptions> = {}) {
    for (let index = 0; index < count; index++) this.nodes.push(this.#node(index, options))
  }

  get one(): ObserverNode {
    return this.node(0)
  }

  node(index: number): ObserverNode {
    const node = this.nodes[index]
    if (node === undefined) throw new TypeError(`no node ${index}`)
    return node
  }

  want(name: string, over: Partial<WantRecord> = {}): ProjectName {
    const project = normalizeName(name)
    const specs = [{ project, specifier: '' }]
    const createdMs = this.clock.wallMs()
    const rest = { targets: [], priority: 'request', batch: false, atomic: false } as const
    this.wishes.apply(`want ${this.#wants++}`, this.one.id, {
      kind: 'want',
      specs,
      createdMs,
      ...rest,
      ...over
    })
    return project
  }

  /** Time passes, and every node has its turns. */
  async run(ms: number, turnMs = second): Promise<void> {
    for (let passed = 0; passed < ms; passed += turnMs) {
      for (const { observer } of this.nodes) observer.tick()
      await this.clock.advance(turnMs)
    }
  }

  /** A client of this node waits for a page while time passes. */
  async ask(index: number, project: ProjectName): Promise<void> {
    await this.askAll([[index, project]])
  }

  /** The same for several clients at once. */
  async askAll(asked: readonly (readonly [node: number, project: ProjectName])[]): Promise<void> {
    let open = asked.length
    const asking = Promise.all(
      asked.map(([index, project]) =>
        this.node(index)
          .observer.refresh(project)
          .finally(() => {
            open--
          })
      )
    )
    asking.catch(() => undefined)
    for (let turns = 0; turns < 400 && open > 0; turns++) await this.clock.advance(50)
    await asking
  }

  spread(author: NodeId, record: MeshRecord): string {
    const id = `${sha256Hex(`entry ${this.#records++}`)}:0`
    for (const node of this.nodes) {
      const apply = (): void => void node.observations.apply(id, author, record)
      if (this.gossipMs === 0 || node.id === author) apply()
      else void this.clock.sleep(this.gossipMs).then(apply)
    }
    return id
  }

  #node(index: number, options: Partial<ObserverOptions>): ObserverNode {
    const id = signerOf(`node ${index}`).nodeId
    const observations = createObservations()
    const pages = createPageBook(observations)
    const store = memoryBlobs()
    const written: ObservedRecord[] = []
    const log: Log = { ...silentLog, info: this.#say, warn: this.#say }
    const observer = createObserver(
      {
        state: { observations, wishes: this.wishes } as unknown as MeshState,
        pages,
        store,
        clock: this.clock,
        log,
        random: half,
        upstream: this.upstream.client(),
        isElected: () => this.elected === index,
        ledger: {
          append: async (...records) =>
            records.map((record) => {
              if (record.kind === 'observed') written.push(record)
              return this.spread(id, record)
            })
        },
        wire: {
          self: id,
          observer: () => this.nodes[this.elected]?.id,
          ask: (to, project) => this.#carry(to, project),
          lacks: () => undefined
        }
      },
      { pollMs: PERIOD_MS, ...options }
    )
    return { id, observer, observations, pages, store, written }
  }

  readonly #say = (message: string): void => {
    this.said.push(message)
  }

  async #carry(to: NodeId, project: ProjectName): Promise<ObserverAnswer> {
    this.questions.push(project)
    const node = this.nodes.find(({ id }) => id === to)
    if (node !== undefined && !this.silent.has(to)) return node.observer.answer(project)
    await this.clock.sleep(3 * second)
    throw new Error('no word')
  }
}
