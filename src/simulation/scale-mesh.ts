import type { CoordinationMessage, ShardId } from '../core/coordination.ts'
import type { NodeId, TargetId } from '../core/ids.ts'
import { ENTRY_FLUSH_MS } from '../core/limits.ts'
import type { ResultRecord } from '../core/record.ts'
import { ScaleBuilds } from './scale-builds.ts'
import { witnessMemories } from './scale-founding.ts'
import { ScaleLedger } from './scale-ledger.ts'
import { ScaleNode } from './scale-node.ts'
import type { ScalePackages } from './scale-packages.ts'
import { MessageSizes, TrafficMeter } from './scale-traffic.ts'
import { ScaleWorld } from './scale-world.ts'
import { Dice } from './seeded-random.ts'

/** One way between two nodes: a home network, or two of them. */
const MIN_DELAY_MS = 5
const MEAN_DELAY_MS = 20
/** Gossip gets to the mesh in so many waves, each a hop later than the one before. */
const GOSSIP_WAVES = 4
/** Connections that a node keeps, half of them dialled by itself. */
const CONNECTIONS = 24

export interface ScaleMeshParts {
  readonly nodes: number
  readonly targets: readonly TargetId[]
  readonly packages: ScalePackages
  readonly seed: number
  stopwatchMs(): number
  sizeOf(message: CoordinationMessage): number
  /** A builder got a job of a shard from this coordinator. */
  onGranted(shard: ShardId, holder: NodeId): void
}

/** A large mesh: many nodes, the network between them, and the one ledger that they share. */
export class ScaleMesh {
  readonly world = new ScaleWorld()
  readonly ledger: ScaleLedger
  readonly builds: ScaleBuilds
  readonly traffic = new TrafficMeter()
  readonly nodes: readonly ScaleNode[]
  readonly #byId: ReadonlyMap<NodeId, ScaleNode>
  readonly #waves: readonly (readonly ScaleNode[])[]
  readonly #founding: ReturnType<typeof witnessMemories>
  readonly #dice: Dice
  readonly #sizes: MessageSizes
  /** Real time spent on taking results over into the ledger and the queue. */
  #foldedMs = 0
  #folded = 0
  readonly #parts: ScaleMeshParts

  constructor(parts: ScaleMeshParts) {
    this.#parts = parts
    this.#dice = new Dice(parts.seed, 'network')
    this.#sizes = new MessageSizes((message) => parts.sizeOf(message))
    const ids = Array.from({ length: parts.nodes }, (_, at) => nodeIdOf(at))
    this.builds = new ScaleBuilds(this.world, parts.packages)
    this.ledger = new ScaleLedger({ nodes: ids, targets: parts.targets, clock: this.world.clock })
    this.ledger.fill(parts.packages)
    this.#founding = witnessMemories({ nodes: ids, roots: this.ledger.roots, targets: parts.targets })
    this.nodes = ids.map((id, at) => this.#makeNode(id, at))
    this.#byId = new Map(this.nodes.map((node) => [node.id, node]))
    const shuffled = new Dice(parts.seed, 'waves').some(this.nodes, this.nodes.length)
    this.#waves = Array.from({ length: GOSSIP_WAVES }, (_, wave) =>
      shuffled.filter((_node, at) => at % GOSSIP_WAVES === wave)
    )
  }

  node(id: NodeId): ScaleNode | undefined {
    return this.#byId.get(id)
  }

  /** Slots of the nodes that run. */
  slots(): number {
    return this.nodes.filter((node) => node.isUp()).length
  }

  kill(node: ScaleNode): void {
    this.builds.lose(node.id)
    node.kill()
  }

  /** Its neighbours notice that it is back. */
  restart(node: ScaleNode): void {
    node.restart()
    for (const id of this.#neighbours(this.nodes.indexOf(node))) this.node(id)?.coordination.announce()
  }

  /** Mean real time that one result takes in the ledger and the queue of a node. */
  foldMs(): number {
    return this.#foldedMs / Math.max(1, this.#folded)
  }

  #makeNode(id: NodeId, at: number): ScaleNode {
    const { targets, packages, seed } = this.#parts
    const neighbours = this.#neighbours(at)
    return new ScaleNode({
      id,
      targets,
      packages,
      world: this.world,
      ledger: this.ledger,
      dice: new Dice(seed, id),
      stopwatchMs: () => this.#parts.stopwatchMs(),
      founding: (shard) => this.#founding(id, shard),
      // While the mesh is made not all of them are there yet.
      connected: () => neighbours.filter((node) => this.node(node)?.isUp() === true),
      send: (from, to, message) => {
        this.#send(from, to, message)
      },
      gossip: (from, message) => {
        this.#gossip(from, message)
      },
      onBegin: (node, job) => {
        this.builds.begin(node.id, job)
      },
      onEnd: (node, job, report) => {
        if (report === undefined) this.builds.breakOff(node.id, job)
        else this.builds.end(node.id, job, report.wheel !== undefined)
      },
      onGranted: (shard, holder) => {
        this.#parts.onGranted(shard, holder)
      },
      publish: (node, result) => this.#publish(node, result)
    })
  }

  /** A ring with chords: everybody has as many, and no two nodes are far apart. */
  #neighbours(at: number): readonly NodeId[] {
    const { nodes } = this.#parts
    const found = new Set<number>()
    for (let chord = 0; chord < CONNECTIONS / 2; chord++) {
      const far = chord === 0 ? 1 : 1 + ((chord * chord * 37) % Math.max(1, nodes - 1))
      found.add((at + far) % nodes).add((at - far + nodes) % nodes)
    }
    found.delete(at)
    return [...found].map(nodeIdOf)
  }

  #send(from: ScaleNode, to: NodeId, message: CoordinationMessage): void {
    const target = this.node(to)
    from.messages++
    this.traffic.sent(message, this.#sizes.of(message))
    this.world.at(this.#delayMs(), () => {
      if (target?.isUp() !== true) return
      target.messages++
      target.receive(from.id, message, false)
    })
  }

  #gossip(from: ScaleNode, message: CoordinationMessage): void {
    this.traffic.gossiped(message, this.#sizes.of(message), this.nodes.length - 1)
    let delayMs = 0
    for (const wave of this.#waves) {
      delayMs += this.#delayMs()
      this.world.at(delayMs, () => {
        this.world.count(wave.length)
        for (const node of wave) if (node !== from) node.receive(from.id, message, true)
      })
    }
  }

  /** On the builder's disk after a moment, and with everybody when the last wave of gossip has brought it. */
  async #publish(node: ScaleNode, result: ResultRecord): Promise<void> {
    await this.world.clock.sleep(ENTRY_FLUSH_MS)
    this.traffic.entry()
    let delayMs = 0
    for (let hop = 0; hop < GOSSIP_WAVES; hop++) delayMs += this.#delayMs()
    this.world.at(delayMs, () => {
      this.#fold(node.id, result)
    })
  }

  #fold(author: NodeId, result: ResultRecord): void {
    const began = this.#parts.stopwatchMs()
    const changed = this.ledger.fold(author, result)
    this.#foldedMs += this.#parts.stopwatchMs() - began
    this.#folded++
    this.world.count(this.nodes.length)
    this.builds.known(result.job)
    const target = result.job.slice(result.job.lastIndexOf('@') + 1) as TargetId
    for (const node of this.nodes) node.coordination.onFinished(result.job, target)
    // Whoever builds asks at the end of its build anyhow; a thousand nodes that look who is there would take most of a run's time.
    for (const node of this.nodes)
      if (node.isUp() && node.desk.freeSlots() > 0) this.ledger.tell(node.id, changed)
  }

  #delayMs(): number {
    return MIN_DELAY_MS + this.#dice.exponential(MEAN_DELAY_MS)
  }
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** As long as a real one. */
function nodeIdOf(at: number): NodeId {
  let [text, left] = ['', at]
  for (let digit = 0; digit < 4; digit++, left = Math.floor(left / BASE58.length))
    text = (BASE58[left % BASE58.length] ?? '1') + text
  return `12D3KooW${text.padStart(44, 'N')}` as NodeId
}
