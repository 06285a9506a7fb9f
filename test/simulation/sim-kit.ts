import type { CoordinationMessage, ShardId } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { NodeId, TargetId } from '../../src/core/ids.ts'
import { Dice } from '../../src/simulation/seeded-random.ts'
import type { MachineFacts, SimMachine } from '../../src/simulation/sim-machine.ts'
import { SimMesh } from '../../src/simulation/sim-mesh.ts'
import { SimNetwork, type Weather } from '../../src/simulation/sim-network.ts'
import type { SimProcess } from '../../src/simulation/sim-process.ts'
import { World } from '../../src/simulation/world.ts'

/* What tests of the simulator's parts are made of: worlds of a few nodes, real or stuffed. */

export const TARGET = 'cp313-linux_aarch64-glibc2.41' as TargetId
export const SHARD = 'cp313-linux_aarch64-glibc2.41' as ShardId
const CALM: Weather = {
  minDelayMs: 5,
  meanDelayMs: 5,
  loss: 0,
  gossipLoss: 0,
  duplication: 0,
  spikes: 0
}

export function nodeId(name: string): NodeId {
  return name as NodeId
}

export function aFence(holder: string, over: Partial<Fence> = {}): Fence {
  return { epoch: 1, view: 'view-1', term: 1, holder: nodeId(holder), ...over }
}

export function machineFacts(name: string, over: Partial<MachineFacts> = {}): MachineFacts {
  return {
    id: nodeId(name),
    targets: [TARGET],
    slots: 1,
    clockRate: 1,
    clockOffsetMs: 0,
    ...over
  }
}

/** A process of which only what networks and checkers look at is there. */
export class StuffedProcess {
  readonly id: NodeId
  readonly boot = 1
  alive = true
  readonly connections = new Set<NodeId>()
  readonly received: {
    readonly from: NodeId
    readonly message: CoordinationMessage
    readonly atMs: number
  }[] = []
  /** What the lease checker reads: a shard in whose office it is, or none. */
  office: { readonly fence: Fence; readonly witnesses: readonly NodeId[] } | undefined
  readonly machine = {
    clock: { monotonicMs: (): number => this.#world.nowMs() },
    disk: { lastSlowMs: -Infinity },
    hasLeft: false,
    paused: false,
    lastAbsentMs: -Infinity,
    isPaused: (): boolean => this.machine.paused,
    presentSinceMs: (): number => (this.alive && !this.machine.paused ? this.machine.lastAbsentMs : Infinity)
  }
  /** Whose admission it has not got yet. */
  readonly strangers = new Set<NodeId>()
  readonly state = { membership: { isMember: (node: NodeId): boolean => !this.strangers.has(node) } }
  readonly engine = {
    coordination: {
      shards: (): readonly object[] => (this.office === undefined ? [] : [this.#shard(this.office)]),
      shard: (): object | undefined => (this.office === undefined ? undefined : this.#shard(this.office))
    }
  }
  readonly #world: World

  constructor(world: World, name: string) {
    this.#world = world
    this.id = nodeId(name)
  }

  whenAwake(run: () => void): void {
    run()
  }

  connected(other: NodeId): void {
    this.connections.add(other)
  }

  receive(from: NodeId, message: CoordinationMessage): boolean {
    this.received.push({ from, message, atMs: this.#world.nowMs() })
    return true
  }

  /** As those who watch take it. */
  get process(): SimProcess {
    return this as unknown as SimProcess
  }

  #shard(office: NonNullable<StuffedProcess['office']>): object {
    return {
      id: SHARD,
      hasAuthority: () => true,
      fence: () => office.fence,
      view: () => ({ epoch: office.fence.epoch, witnesses: office.witnesses })
    }
  }
}

export interface StuffedNet {
  readonly world: World
  readonly network: SimNetwork
  readonly nodes: readonly StuffedProcess[]
}

/** A network between stuffed processes named `a`, `b`, `c` and so on, all connected. */
export async function stuffedNet(
  count: number,
  weather: Partial<Weather> = {},
  seed = 1
): Promise<StuffedNet> {
  const world = new World()
  const none = (): void => undefined
  const network = new SimNetwork(
    {
      world,
      dice: new Dice(seed, 'network'),
      sizeOf: () => 100,
      watcher: { onDelivered: none, onBelieved: none, onSent: none, onStep: none }
    },
    { ...CALM, ...weather }
  )
  const nodes = Array.from('abcdefghij'.slice(0, count), (name) => new StuffedProcess(world, name))
  for (const node of nodes) network.listen(node.process)
  await world.run(5_000)
  return { world, network, nodes }
}

export interface SmallMesh {
  readonly mesh: SimMesh
  readonly machines: readonly SimMachine[]
}

/** Real nodes in calm weather, that have found each other and a coordinator. */
export async function smallMesh(count: number): Promise<SmallMesh> {
  const world = new World()
  const mesh = new SimMesh(world, { seed: 1, weather: CALM, roots: [nodeId('node-00')] })
  const machines = Array.from({ length: count }, (_, at) =>
    mesh.addMachine(machineFacts(`node-${String(at).padStart(2, '0')}`))
  )
  const processes = machines.map((machine) => mesh.boot(machine))
  const [founder] = processes
  if (founder === undefined) throw new TypeError('a mesh has nodes')
  for (const machine of machines.slice(1)) mesh.admit(machine, founder)
  await world.run(60_000)
  return { mesh, machines }
}
