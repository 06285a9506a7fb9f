import { wantsOf, type FeedWant } from '../core/feed-heads.ts'
import type { NodeId } from '../core/ids.ts'
import { SYNC_PERIOD_MS } from '../core/limits.ts'
import type { StoredEntry } from '../core/ports.ts'
import type { RunningNode } from './running-node.ts'
import type { SimNetwork } from './sim-network.ts'

/** Entries in one frame. */
const FRAME_ENTRIES = 50
/** A feed whose author another feed admits is tried again once that one has come. */
const MAX_PASSES = 4

/** Brings what another node holds and this one lacks, as gossip/sync-loop.ts and sync-client.ts do over streams. */
export class SimSync {
  readonly #self: RunningNode
  readonly #network: SimNetwork
  readonly #active = new Set<NodeId>()

  constructor(self: RunningNode, network: SimNetwork) {
    this.#self = self
    this.#network = network
  }

  start(): void {
    const { clock, dice } = this.#self.machine
    void clock.sleep(SYNC_PERIOD_MS * dice.between(0.5, 1.5)).then(() => {
      this.requestAny()
      this.start()
    })
  }

  requestAny(): void {
    const peer = this.#self.machine.dice.pick([...this.#self.connections])
    if (peer !== undefined) this.request(peer)
  }

  request(peer: NodeId, { prompted = false }: { readonly prompted?: boolean } = {}): void {
    if (this.#active.has(peer) || !this.#self.connections.has(peer)) return
    this.#active.add(peer)
    void this.#pull(peer, prompted)
      .catch(() => undefined)
      .finally(() => this.#active.delete(peer))
  }

  async #pull(peer: NodeId, prompted: boolean): Promise<void> {
    await this.#hop(peer)
    if (!prompted) this.#network.processOf(peer)?.sync.request(this.#self.id, { prompted: true })
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const other = await this.#hop(peer)
      const wants = wantsOf(this.#self.ledger.heads(), other.ledger.heads())
      let accepted = 0
      for (const want of wants) accepted += await this.#pullFeed(other, want)
      if (accepted === 0) return
    }
  }

  async #pullFeed(other: RunningNode, want: FeedWant): Promise<number> {
    let accepted = 0
    let frame: StoredEntry[] = []
    for await (const entry of other.ledger.range(want, want.from)) {
      frame.push(entry)
      if (frame.length < FRAME_ENTRIES) continue
      accepted += await this.#admit(other.id, frame)
      frame = []
    }
    return accepted + (await this.#admit(other.id, frame))
  }

  async #admit(peer: NodeId, frame: readonly StoredEntry[]): Promise<number> {
    if (frame.length === 0) return 0
    await this.#hop(peer)
    const { kind } = await this.#self.ledger.admitRange(frame.map(({ bytes }) => bytes))
    return kind === 'accepted' ? frame.length : 0
  }

  /** The time of one message; fails when the other side cannot be reached any more. */
  async #hop(peer: NodeId): Promise<RunningNode> {
    const { machine, id } = this.#self
    const network = this.#network
    await machine.clock.sleep(network.delayMs())
    const other = network.processOf(peer)
    if (other?.alive !== true || other.machine.isPaused() || !network.areLinked(id, peer)) {
      throw new Error('the connection broke')
    }
    return other
  }
}
