import type { CoordinationMessage } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { Dice } from './seeded-random.ts'
import type { RunningNode } from './running-node.ts'
import { Topology } from './topology.ts'
import type { World } from './world.ts'

/** How bad the network is, drawn once for a run. Times are one way, in milliseconds. */
export interface Weather {
  readonly minDelayMs: number
  readonly meanDelayMs: number
  /** Share of direct messages that get lost: a stream that broke. */
  readonly loss: number
  /** Share of deliveries of gossip that get lost. */
  readonly gossipLoss: number
  readonly duplication: number
  /** Share of messages that take up to {@link SPIKE_MS} longer. */
  readonly spikes: number
}

const SPIKE_MS = 4_000
/** Gossip goes over a few hops. */
const GOSSIP_HOPS = 2.5
/** A connection is noticed to be up, and to be gone when the other side says nothing any more. */
const CONNECT_MS = 2_000
const NOTICE_MS = 15_000

export interface NetworkWatcher {
  /** Before the receiver sees it. */
  /** It is about to be received. */
  onDelivered(from: NodeId, to: RunningNode, message: CoordinationMessage): void
  /** It was received and not refused. */
  onBelieved(to: RunningNode, message: CoordinationMessage): void
  onSent(from: RunningNode, to: NodeId, message: CoordinationMessage): void
  /** After each thing that a process did. */
  onStep(process: RunningNode): void
}

/** What a run has sent so far. */
interface Arrival {
  readonly message: CoordinationMessage
  readonly gossiped: boolean
}

export interface Traffic {
  messages: number
  bytes: number
  gossipDeliveries: number
}

export interface NetworkParts {
  readonly world: World
  readonly dice: Dice
  readonly watcher: NetworkWatcher
  /** Bytes of a message as it is on the wire. */
  sizeOf(message: CoordinationMessage): number
}

/** The network between all nodes of a run: delays, loses, repeats and reorders, and can be cut. */
export class SimNetwork {
  readonly topology = new Topology()
  readonly traffic: Traffic = { messages: 0, bytes: 0, gossipDeliveries: 0 }
  weather: Weather
  readonly #parts: NetworkParts
  readonly #processes = new Map<NodeId, RunningNode>()
  readonly #connections = new Map<string, boolean>()
  readonly #deaf = new Set<NodeId>()
  #reachVersion = -1
  #reach = new Map<NodeId, readonly RunningNode[]>()
  #population = 0

  constructor(parts: NetworkParts, weather: Weather) {
    this.#parts = parts
    this.weather = weather
  }

  /** A process began to listen, in place of the one before. */
  listen(process: RunningNode): void {
    this.#processes.set(process.id, process)
    this.changed()
  }

  /** A process is gone; its connections break. */
  gone(process: RunningNode): void {
    if (this.#processes.get(process.id) !== process) return
    this.#processes.delete(process.id)
    for (const other of this.#processes.values()) other.connections.delete(process.id)
    this.changed()
  }

  processes(): Iterable<RunningNode> {
    return this.#processes.values()
  }

  processOf(node: NodeId): RunningNode | undefined {
    return this.#processes.get(node)
  }

  /** Gossip no longer gets to a node, or does again. */
  setDeaf(node: NodeId, deaf: boolean): void {
    if (deaf) this.#deaf.add(node)
    else this.#deaf.delete(node)
  }

  hearsGossip(node: NodeId): boolean {
    return !this.#deaf.has(node)
  }

  /** Both ways. */
  areLinked(a: NodeId, b: NodeId): boolean {
    return this.topology.canSend(a, b) && this.topology.canSend(b, a)
  }

  send(from: RunningNode, to: NodeId, message: CoordinationMessage): void {
    const { dice, watcher } = this.#parts
    watcher.onSent(from, to, message)
    this.#count(message)
    if (!this.topology.canSend(from.id, to)) return
    const copies = dice.chance(this.weather.duplication) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (!dice.chance(this.weather.loss)) this.#deliverLater(from.id, to, message)
    }
  }

  /** To everybody who can be reached over any number of hops. `deliver` runs on each of them. */
  gossip(from: RunningNode, deliver: (to: RunningNode) => void): void {
    const { dice, world } = this.#parts
    for (const to of this.#reachOf(from)) {
      if (this.#deaf.has(to.id) || dice.chance(this.weather.gossipLoss)) continue
      this.traffic.gossipDeliveries++
      world.at(this.delayMs() * GOSSIP_HOPS, () => {
        to.whenAwake(() => {
          deliver(to)
        })
      })
    }
  }

  gossipMessage(from: RunningNode, message: CoordinationMessage): void {
    this.#count(message)
    this.gossip(from, (to) => {
      this.#receive(from.id, to, { message, gossiped: true })
    })
  }

  /** A process did something of its own accord. */
  stepped(process: RunningNode): void {
    this.#parts.watcher.onStep(process)
  }

  delayMs(): number {
    const { dice } = this.#parts
    const spike = dice.chance(this.weather.spikes) ? dice.between(0, SPIKE_MS) : 0
    return this.weather.minDelayMs + dice.exponential(this.weather.meanDelayMs) + spike
  }

  /** The topology or who is up changed: connections follow after a while. */
  changed(): void {
    this.#population++
    const all = [...this.#processes.values()]
    for (const [at, a] of all.entries()) for (const b of all.slice(at + 1)) this.#plan(a, b)
  }

  #count(message: CoordinationMessage): void {
    this.traffic.messages++
    this.traffic.bytes += this.#parts.sizeOf(message)
  }

  #deliverLater(from: NodeId, to: NodeId, message: CoordinationMessage): void {
    this.#parts.world.at(this.delayMs(), () => {
      const process = this.#processes.get(to)
      process?.whenAwake(() => {
        this.#receive(from, process, { message, gossiped: false })
      })
    })
  }

  #receive(from: NodeId, to: RunningNode, { message, gossiped }: Arrival): void {
    const { watcher } = this.#parts
    watcher.onDelivered(from, to, message)
    if (to.receive(from, message, gossiped)) watcher.onBelieved(to, message)
    watcher.onStep(to)
  }

  #plan(a: RunningNode, b: RunningNode): void {
    const { dice, world } = this.#parts
    const linked = this.areLinked(a.id, b.id)
    if (a.connections.has(b.id) === linked && b.connections.has(a.id) === linked) return
    const key = `${a.id} ${a.boot} ${b.id} ${b.boot}`
    if (this.#connections.get(key) === true) return
    this.#connections.set(key, true)
    const wait = linked ? dice.between(0, CONNECT_MS) : dice.between(0, NOTICE_MS)
    world.at(wait, () => {
      this.#connections.delete(key)
      if (a.alive && b.alive) this.#settle(a, b)
    })
  }

  #settle(a: RunningNode, b: RunningNode): void {
    if (!this.areLinked(a.id, b.id)) {
      a.connections.delete(b.id)
      b.connections.delete(a.id)
      return
    }
    if (!a.connections.has(b.id)) a.connected(b.id)
    if (!b.connections.has(a.id)) b.connected(a.id)
  }

  #reachOf(from: RunningNode): readonly RunningNode[] {
    const version = this.topology.version() + this.#population
    if (version !== this.#reachVersion) this.#reach = new Map()
    this.#reachVersion = version
    const known = this.#reach.get(from.id)
    if (known !== undefined) return known
    const seen = new Set<RunningNode>([from])
    for (const at of seen) {
      for (const next of this.#processes.values()) {
        if (!seen.has(next) && this.topology.canSend(at.id, next.id)) seen.add(next)
      }
    }
    seen.delete(from)
    const reach = [...seen]
    this.#reach.set(from.id, reach)
    return reach
  }
}
