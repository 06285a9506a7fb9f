import type { CoordinationMessage } from '../core/coordination.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { BlobStore, Log, UpstreamIndex, WheelBuilder } from '../core/ports.ts'
import type { GenesisRecord, InviteTerms, MeshRecord, ResultRecord } from '../core/record.ts'
import { createLedger, verdictOf, type Ledger } from '../ledger/ledger.ts'
import { settledOwnFeed } from '../ledger/own-feed.ts'
import { createMeshState, type MeshState } from '../ledger/mesh-state.ts'
import { createDesk } from '../scheduler/create-desk.ts'
import { createEngine, type Engine } from '../scheduler/engine.ts'
import { createObserver, type Observer } from '../scheduler/observer.ts'
import type { ProtocolRules } from '../scheduler/protocol-rules.ts'
import { sayGoodbye } from '../scheduler/say-goodbye.ts'
import type { WorkDesk } from '../scheduler/work-desk.ts'
import type { RunningNode } from './running-node.ts'
import type { EntryRegistry } from './sim-codec.ts'
import type { SimLibrary } from './sim-library.ts'
import type { SimMachine } from './sim-machine.ts'
import type { SimNetwork } from './sim-network.ts'
import { nodeRecordOf } from './sim-records.ts'
import { SimSync } from './sim-sync.ts'
import type { World } from './world.ts'

/** Beats and grants are looked after this often, as in production. */
const TICK_MS = 250
const POLL_MS = 120_000
const GiB = 1024 ** 3
/** A simulated disk keeps what it said that it keeps, so that a node never has to ask how far its feed went. */
const INCARNATION = '00000000000000aa'

export interface MeshFacts {
  readonly meshId: MeshId
  readonly genesis: GenesisRecord
  readonly terms: InviteTerms
  /** Undefined: those of production. */
  readonly rules?: ProtocolRules
}

export interface ProcessParts {
  readonly world: World
  readonly network: SimNetwork
  readonly machine: SimMachine
  readonly registry: EntryRegistry
  readonly library: SimLibrary
  readonly upstream: UpstreamIndex
  readonly mesh: MeshFacts
  builderFor(process: SimProcess): WheelBuilder
  /** A result is on this node's disk. */
  onPublished(process: SimProcess, result: ResultRecord): void
  /** It found what an honest node sent to be wrong. */
  onRefused(process: SimProcess, what: string): void
}

/** One run of the node's program, from its start to its end: the engine of production over simulated ports. */
export class SimProcess implements RunningNode {
  readonly id: NodeId
  readonly boot: number
  readonly machine: SimMachine
  readonly network: SimNetwork
  readonly state: MeshState
  readonly ledger: Ledger
  readonly engine: Engine
  readonly desk: WorkDesk
  readonly observer: Observer
  readonly sync: SimSync
  readonly connections = new Set<NodeId>()
  alive = true
  readonly #parts: ProcessParts

  constructor(parts: ProcessParts) {
    const { machine, network, registry, mesh } = parts
    this.#parts = parts
    this.machine = machine
    this.network = network
    this.id = machine.id
    this.boot = Math.floor(machine.dice.random.float() * 2 ** 32)
    machine.process = this
    machine.boots++
    this.sync = new SimSync(this, network)
    const codec = registry.codecOf(this.id, mesh.terms)
    const roles = mesh.terms.roles
    const believed = { node: this.id, roles, level: mesh.terms.level }
    const { rows } = machine.disk
    const stored = { rows, codec, clock: machine.clock, log: this.#log() }
    this.state = createMeshState(mesh.genesis, codec, believed, stored)
    this.ledger = createLedger(
      {
        codec,
        clock: machine.clock,
        log: this.#log(),
        ownFeed: settledOwnFeed(INCARNATION),
        views: this.state.views,
        store: machine.disk.entryStore(machine),
        wasAdmitted: (node) => this.state.membership.wasAdmitted(node),
        bus: { publish: async (_topic, bytes) => this.#gossipEntry(bytes) }
      },
      { meshId: mesh.meshId, self: this.id }
    )
    this.engine = this.#createEngine()
    this.desk = this.#createDesk()
    this.observer = this.#createObserver()
  }

  async start(): Promise<void> {
    await this.engine.load()
    this.network.listen(this)
    this.#tick()
    this.sync.start()
    const { machine } = this
    const { genesis, terms } = this.#parts.mesh
    if (this.ledger.entryCount() === 0 && genesis.roots[0] === this.id) await this.ledger.append(genesis)
    if (this.state.nodes.get(this.id) === undefined) {
      await this.ledger.append(nodeRecordOf(machine.facts, terms.roles, machine.clock.wallMs()))
    }
  }

  /** As kill -9, or a power cut. Returns how many entries its disk lost. */
  kill(): number {
    this.#end()
    return this.machine.disk.crash()
  }

  /** As Ctrl-C: builds end, leases are handed over, what was signed is written. */
  async stop(): Promise<void> {
    await sayGoodbye(this.machine.clock, this.engine.coordination, this.desk)
    await this.observer.stop()
    this.engine.stop()
    await this.ledger.stop()
    this.#end()
  }

  receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): boolean {
    this.#parts.world.mark(message.kind.length * 1_000 + from.charCodeAt(from.length - 1))
    if (!this.state.membership.isMember(from)) return false
    return this.engine.coordination.receive(from, message, gossiped) === undefined
  }

  /** A connection to another node came up. */
  connected(other: NodeId): void {
    this.connections.add(other)
    this.whenAwake(() => {
      this.engine.coordination.announce()
      this.sync.request(other)
    })
  }

  whenAwake(run: () => void): void {
    this.machine.whenAwake(this, run)
  }

  append(record: MeshRecord): void {
    void this.ledger.append(record).catch(() => undefined)
  }

  #end(): void {
    this.alive = false
    this.connections.clear()
    this.machine.forget()
    this.network.gone(this)
  }

  #tick(): void {
    this.whenAwake(() => {
      this.engine.coordination.tick()
      this.desk.tick()
      this.observer.tick()
      this.network.stepped(this)
    })
    this.machine.later(TICK_MS, () => {
      this.#tick()
    })
  }

  async #gossipEntry(bytes: Uint8Array): Promise<number> {
    if (!this.alive) return 0
    this.network.gossip(this, (to) => {
      void to.hearEntry(this.id, bytes)
    })
    return this.connections.size
  }

  /** An entry came by gossip. */
  async hearEntry(from: NodeId, bytes: Uint8Array): Promise<void> {
    this.#parts.world.mark(from.charCodeAt(from.length - 1))
    try {
      const admission = await this.ledger.admit(bytes)
      if (admission.kind === 'gap' || admission.kind === 'not-a-member') this.sync.request(from)
      if (verdictOf(admission) === 'reject') this.#parts.onRefused(this, `an entry of ${from}`)
    } catch {
      // Its disk is full; sync brings the entry once there is room.
    }
  }

  #createEngine(): Engine {
    const { network, machine, library, mesh } = this.#parts
    return createEngine(
      {
        clock: machine.clock,
        log: this.#log(),
        state: this.state,
        ledger: this.ledger,
        store: library.storeOf(this.id) as BlobStore,
        blobs: library.sourceOf(this.id, network, machine),
        witnesses: machine.disk.witnessStore(machine),
        connected: () => [...this.connections],
        onNode: () => undefined,
        lacks: (node) => {
          this.sync.request(node)
        },
        send: (to, message) => {
          if (this.alive) network.send(this, to, message)
        },
        gossip: (message) => {
          if (this.alive) network.gossipMessage(this, message)
        }
      },
      {
        self: this.id,
        roots: mesh.genesis.roots,
        boot: this.boot,
        ...(mesh.rules === undefined ? {} : { rules: mesh.rules })
      }
    )
  }

  #createDesk(): WorkDesk {
    const { machine, mesh } = this.#parts
    const ledger: Pick<Ledger, 'append'> = {
      append: async (...records) => {
        const ids = await this.ledger.append(...records)
        for (const record of records) if (record.kind === 'result') this.#parts.onPublished(this, record)
        return ids
      }
    }
    return createDesk(
      {
        ledger,
        engine: this.engine,
        builder: this.#parts.builderFor(this),
        clock: machine.clock,
        random: machine.dice.random,
        log: this.#log(),
        capacity: () => ({ memoryBytes: GiB, diskBytes: 4 * GiB, wallMs: 10_800_000 })
      },
      {
        self: this.id,
        boot: this.boot,
        targets: machine.facts.targets,
        slots: machine.facts.slots,
        ...(mesh.rules === undefined ? {} : { rules: mesh.rules })
      }
    )
  }

  #createObserver(): Observer {
    const { machine, library, upstream } = this.#parts
    return createObserver(
      {
        upstream,
        state: this.state,
        pages: this.engine.pages,
        store: library.storeOf(this.id) as BlobStore,
        ledger: this.ledger,
        clock: machine.clock,
        log: this.#log(),
        isElected: () => this.engine.coordination.observesUpstream()
      },
      { pollMs: POLL_MS }
    )
  }

  /** What the node logs goes into the transcript. */
  #log(): Log {
    const line =
      (level: string) =>
      (message: string, facts: Readonly<Record<string, unknown>> = {}): void => {
        if (!this.#parts.world.isTold()) return
        const shown = Object.entries(facts).map(([key, value]) => `${key}=${String(value)}`)
        this.#parts.world.tell(`${this.id} ${level}: ${message} ${shown.join(' ')}`)
      }
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  }
}
