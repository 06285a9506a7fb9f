import type { NodeId } from '../core/ids.ts'
import { Placement, type Keeper } from '../core/placement.ts'
import type { BlobStore } from '../core/ports.ts'
import type { BlobMeter } from './blob-meter.ts'
import type { KeptBlob, LostBook, ReplicaPeers } from './replica-ports.ts'

export interface DutyParts {
  readonly meter: BlobMeter<BlobStore>
  readonly peers: ReplicaPeers
  readonly lost: LostBook
  /** This node takes copies now. */
  hasRoom(): boolean
  /** It said that it holds what it does not. */
  distrusts(node: NodeId): boolean
}

export interface DutyOptions {
  readonly self: NodeId
  /** Holders of each blob: the mesh's policy. */
  readonly replication: number
  /** What a mirror keeps whatever the others do; undefined: this node is none. */
  readonly mirrors?: (blob: KeptBlob) => boolean
}

/** How this node stands to one blob. */
export type Standing = 'not-owed' | 'held' | 'lacking'

/** Which blobs this node is to hold, as the mesh is now. */
export class Duties {
  readonly #parts: DutyParts
  readonly #options: DutyOptions
  #placement: Placement

  constructor(parts: DutyParts, options: DutyOptions) {
    this.#parts = parts
    this.#options = options
    this.#placement = new Placement([], options.replication)
  }

  placement(): Placement {
    return this.#placement
  }

  /** Looks who may hold copies; true when others than before. */
  look(): boolean {
    const { peers } = this.#parts
    const trusted = peers.keepers().filter(({ node }) => !this.#parts.distrusts(node))
    const keepers = trusted.map((keeper) => this.#asNow(keeper))
    if (this.#placement.isOf(keepers)) return false
    this.#placement = new Placement(keepers, this.#options.replication)
    return true
  }

  /** It keeps this whatever the others do. */
  isMirrored(blob: KeptBlob): boolean {
    return this.#options.mirrors?.(blob) === true
  }

  async standingOf(blob: KeptBlob, signal: AbortSignal): Promise<Standing> {
    const { lost, meter } = this.#parts
    if (lost.isLost(blob.key) || !(await this.#isOwed(blob, signal))) return 'not-owed'
    return (await meter.has(blob.digest)) ? 'held' : 'lacking'
  }

  /** Whom to ask first: who signed that it exists and who is to hold it; `everybody`: then all others, too. */
  hintFor(blob: KeptBlob, everybody: boolean): readonly NodeId[] {
    const { self, replication } = this.#options
    const isPresent = (node: NodeId): boolean => node !== self && this.#parts.peers.isPresent(node)
    const order = this.#placement.order(blob.key).filter(isPresent)
    return [
      ...new Set([...blob.authors.filter(isPresent), ...(everybody ? order : order.slice(0, replication))])
    ]
  }

  /** Of itself a node knows more than it told. */
  #asNow(keeper: Keeper): Keeper {
    return keeper.node === this.#options.self ? { node: keeper.node, room: this.#parts.hasRoom() } : keeper
  }

  async #isOwed(blob: KeptBlob, signal: AbortSignal): Promise<boolean> {
    if (this.isMirrored(blob)) return this.#parts.hasRoom()
    const duty = this.#placement.dutyOf(this.#options.self, blob.key)
    if (duty.kind !== 'spare') return duty.kind === 'hold'
    // Held already, it costs nothing to go on.
    if (await this.#parts.meter.has(blob.digest)) return true
    let held = 0
    for (const node of duty.instead) {
      const answer = await this.#parts.peers.ask(node, blob.digest, { signal })
      if (answer === 'held' && ++held >= duty.enough) return false
    }
    return true
  }
}
