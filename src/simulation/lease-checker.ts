import type { CoordinationMessage, ShardId } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import type { SimNetwork } from './sim-network.ts'
import type { RunningNode } from './running-node.ts'
import type { Violations } from './violations.ts'
import type { World } from './world.ts'

/** A promise is dated when it leaves; the witness counts from a moment before, when its disk began to write. */
const DISK_TOLERANCE_MS = 3_000
const SLOW_DISK_TOLERANCE_MS = 2 * PROMISE_MS
/** After a heal one view wins: at once when it has a holder, after a long silence when it has none. */
const HEALING_MS = 2 * VIEW_CHANGE_SILENCE_MS

interface Promise {
  readonly holder: NodeId
  readonly atMs: number
}

interface Office {
  readonly process: RunningNode
  readonly fence: Fence
  readonly witnesses: readonly NodeId[]
  /** When it was last compared with the others in office. */
  comparedMs: number
}

/** Watches who may coordinate, and what witnesses say. */
export class LeaseChecker {
  readonly #world: World
  readonly #network: () => SimNetwork
  readonly #violations: Violations
  readonly #promises = new Map<string, Promise>()
  readonly #highest = new Map<string, Fence>()
  readonly #released = new Map<string, Fence>()
  readonly #offices = new Map<ShardId, Map<NodeId, Office>>()
  readonly #elected: ((shard: ShardId, process: RunningNode) => void)[] = []

  constructor(world: World, network: () => SimNetwork, violations: Violations) {
    this.#world = world
    this.#network = network
    this.#violations = violations
  }

  /** Runs when a node gets authority over a shard. */
  onElected(listener: (shard: ShardId, process: RunningNode) => void): void {
    this.#elected.push(listener)
  }

  sent(from: RunningNode, message: CoordinationMessage): void {
    if (message.kind !== 'ack' && message.kind !== 'promise') return
    if (this.#speaksLate(from)) return
    const key = `${from.id} ${message.shard}`
    const nowMs = from.machine.clock.monotonicMs()
    const { fence } = message
    const before = this.#promises.get(key)
    if (
      before !== undefined &&
      before.holder !== fence.holder &&
      nowMs - before.atMs < PROMISE_MS - DISK_TOLERANCE_MS
    ) {
      this.#violations.add(
        'one-promise',
        `${from.id} is promised to ${before.holder} and gave itself to ${fence.holder} over ${message.shard}`
      )
    }
    if (!this.#isReleased(key, fence)) this.#promises.set(key, { holder: fence.holder, atMs: nowMs })
    this.#checkRise(key, from, message)
  }

  delivered(from: NodeId, to: RunningNode, message: CoordinationMessage): void {
    // The holder lets its witnesses go: nobody need wait for the promise to run out.
    if (message.kind === 'hand-over') {
      const key = `${to.id} ${message.shard}`
      if (this.#promises.get(key)?.holder === from) this.#promises.delete(key)
      this.#released.set(key, message.fence)
    }
  }

  /** After each thing that a process did. */
  stepped(process: RunningNode): void {
    const nowMs = process.machine.clock.monotonicMs()
    for (const shard of process.engine.coordination.shards()) {
      if (!shard.hasAuthority(nowMs)) continue
      const fence = shard.fence()
      if (fence === undefined) continue
      const offices = this.#offices.get(shard.id) ?? new Map<NodeId, Office>()
      this.#offices.set(shard.id, offices)
      const known = offices.get(process.id)
      if (known?.process === process && compareFences(known.fence, fence) === 0) {
        // Who stood still may have been replaced meanwhile without knowing.
        if (known.comparedMs < process.machine.lastAbsentMs) this.#compareAll(shard.id, known, offices)
        continue
      }
      const office = { process, fence, witnesses: shard.view().witnesses, comparedMs: 0 }
      offices.set(process.id, office)
      this.#world.tell(`${process.id} coordinates ${shard.id} under ${fenceText(fence)}`)
      for (const listener of this.#elected) listener(shard.id, process)
      this.#compareAll(shard.id, office, offices)
    }
  }

  /** Who has authority over a shard right now. */
  holders(shard: ShardId): readonly RunningNode[] {
    return [...(this.#offices.get(shard)?.values() ?? [])]
      .filter((office) => isInOffice(shard, office))
      .map(({ process }) => process)
  }

  #checkRise(
    key: string,
    from: RunningNode,
    { kind, fence }: Extract<CoordinationMessage, { kind: 'ack' | 'promise' }>
  ): void {
    const highest = this.#highest.get(key)
    if (kind === 'promise' && highest !== undefined && compareFences(fence, highest) < 0) {
      this.#violations.add(
        'terms-rise',
        `${from.id} promised ${fenceText(fence)} after ${fenceText(highest)}`
      )
    }
    if (highest === undefined || compareFences(fence, highest) > 0) this.#highest.set(key, fence)
  }

  /** The hand-over came before this answer had left. */
  #isReleased(key: string, fence: Fence): boolean {
    const released = this.#released.get(key)
    return released?.holder === fence.holder && compareFences(fence, released) <= 0
  }

  /** What a stopped process wanted to say goes out late, when it means nothing any more; so does what waited for a slow disk. */
  #speaksLate({ machine }: RunningNode): boolean {
    const nowMs = this.#world.nowMs()
    return (
      nowMs - machine.lastAbsentMs < DISK_TOLERANCE_MS ||
      nowMs - machine.disk.lastSlowMs < SLOW_DISK_TOLERANCE_MS
    )
  }

  #compareAll(shard: ShardId, office: Office, offices: ReadonlyMap<NodeId, Office>): void {
    office.comparedMs = this.#world.nowMs()
    for (const other of offices.values()) if (other !== office) this.#compare(shard, office, other)
  }

  #compare(shard: ShardId, office: Office, other: Office): void {
    if (!isInOffice(shard, other)) return
    // A newcomer whose admission has not come round yet is a mesh of its own for the others, and they are for it.
    if (!doKnow(office.process, other.process) || !doKnow(other.process, office.process)) return
    const [a, b] = [office.fence, other.fence]
    const sameView = a.epoch === b.epoch && a.view === b.view
    const involved = [office.process.id, other.process.id, ...office.witnesses, ...other.witnesses]
    const sinceMs = this.#world.nowMs() - HEALING_MS
    if (!sameView && this.#network().topology.separations([...new Set(involved)], sinceMs) > 0) return
    this.#violations.add(
      'one-coordinator',
      `${office.process.id} (${fenceText(a)}) and ${other.process.id} (${fenceText(b)}) both have ${shard}`
    )
  }
}

function doKnow({ state }: RunningNode, { id }: RunningNode): boolean {
  return state.membership.isMember(id)
}

function isInOffice(shard: ShardId, { process, fence }: Office): boolean {
  if (!process.alive || process.machine.isPaused()) return false
  const own = process.engine.coordination.shard(shard)
  const current = own?.fence()
  return (
    own?.hasAuthority(process.machine.clock.monotonicMs()) === true &&
    current !== undefined &&
    compareFences(current, fence) === 0
  )
}

export function fenceText({ epoch, view, term, holder }: Fence): string {
  return `epoch ${epoch} view ${view.slice(0, 4)} term ${term} of ${holder}`
}
