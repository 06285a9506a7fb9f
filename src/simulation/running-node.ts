import type { CoordinationMessage } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { Engine } from '../scheduler/engine.ts'
import type { SimMachine } from './sim-machine.ts'

/** A node's program while it runs, as the network, its neighbours and the checkers see it. */
export interface RunningNode {
  readonly id: NodeId
  /** Random per process. */
  readonly boot: number
  readonly alive: boolean
  readonly machine: SimMachine
  readonly state: MeshState
  readonly ledger: Ledger
  readonly engine: Engine
  /** Nodes to which it has a connection. */
  readonly connections: Set<NodeId>
  readonly sync: { request(peer: NodeId, options?: { readonly prompted?: boolean }): void }
  /** Runs now, or once its machine does something again. */
  whenAwake(run: () => void): void
  /** True when it takes the message for what it says; false when it refuses it, or does not know the sender. */
  receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): boolean
  /** An entry came by gossip. */
  hearEntry(from: NodeId, bytes: Uint8Array): Promise<void>
  /** A connection to another node came up. */
  connected(other: NodeId): void
}
