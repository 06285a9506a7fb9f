import { messageOf } from '../core/errors.ts'
import { bytesToHex } from '../core/hex.ts'
import type { NodeId } from '../core/ids.ts'
import { INCARNATION_BYTES, OWN_HEAD_WAIT_MS } from '../core/limits.ts'
import type { Clock, Log, Random } from '../core/ports.ts'

/**
 * Under which incarnation this node writes. A database may be older than what its node once told others: restored from an
 * image, or cut short by a disk that lied. Who goes on from there signs a second entry for a place that is taken, and that
 * ends its membership. So a node asks before it writes. docs/protocol/records.md#own-feed
 */
export interface OwnFeed {
  /** Resolves when it is known; rejects when a new one is needed and the disk does not take it: the next call tries again. */
  ready(): Promise<string>
  /** The incarnation to write under now; undefined while that has to be found out. */
  current(): string | undefined
  /** An own entry that this process did not write came in, or is known to exist. */
  cameBack(incarnation: string): void
  /** Records that are appended now wait until others have told how far the feed went. */
  isWaiting(): boolean
  /** No further answers are waited for. */
  hurry(): void
}

/** A feed about which there is nothing to find out: in tests, and of simulated disks, which never lie. */
export function settledOwnFeed(incarnation: string): OwnFeed {
  return {
    ready: async () => incarnation,
    current: () => incarnation,
    cameBack: () => undefined,
    isWaiting: () => false,
    hurry: () => undefined
  }
}

export interface OwnFeedParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The other nodes that belong to the mesh now, as far as the ledger knows. */
  others(): readonly NodeId[]
  /** Resolves when the incarnation will be known after the next start, whatever happens to the machine. */
  keep(incarnation: string): Promise<void>
}

export interface StoredIncarnation {
  readonly incarnation: string
  /** It was made in this process, so that nobody can know entries of it. */
  readonly isNew: boolean
}

/** Finds out under which incarnation this node may write: rules O1 to O6 of docs/protocol/records.md. */
export class OwnFeedGate implements OwnFeed {
  readonly #parts: OwnFeedParts
  readonly #answered = new Set<NodeId>()
  #incarnation: string
  #isSettled: boolean
  /** Entries of the stored incarnation came from others: this database is older than what its node has told. */
  #isOutrun = false
  /** No answer can make the stored incarnation good any more. */
  #isLost = false
  #hasBegun = false
  /** The members had their time. */
  #isOverdue = false
  #settling: Promise<string> | undefined
  readonly #waiters: (() => void)[] = []

  constructor(parts: OwnFeedParts, { incarnation, isNew }: StoredIncarnation) {
    this.#parts = parts
    this.#incarnation = incarnation
    this.#isSettled = isNew
  }

  /** The stored feeds are read: who belongs to the mesh is known now, and the time runs. */
  begin(): void {
    if (this.#isSettled) return
    this.#hasBegun = true
    this.#look()
    void this.#parts.clock.sleep(OWN_HEAD_WAIT_MS).then(() => {
      this.#isOverdue = true
      this.#wake()
    })
  }

  /** This member told all that it holds of this node's feeds, and it is in the ledger. */
  answered(node: NodeId): void {
    this.#answered.add(node)
    if (!this.#isSettled && this.#hasBegun) this.#look()
  }

  isWaiting(): boolean {
    return !this.#isSettled && !this.#isLost && !this.#isOverdue
  }

  current(): string | undefined {
    return this.#isSettled ? this.#incarnation : undefined
  }

  ready(): Promise<string> {
    if (this.#isSettled) return Promise.resolve(this.#incarnation)
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  cameBack(incarnation: string): void {
    if (incarnation !== this.#incarnation) return
    if (!this.#isSettled) {
      this.#isOutrun = true
      return
    }
    // Somebody else has written here, in an earlier life or at this moment: there may be more of it.
    this.#isSettled = false
    this.#isLost = true
    this.#parts.log.warn('others hold entries of this node that it did not write; it goes on in a new feed', {
      incarnation
    })
  }

  hurry(): void {
    this.#isLost = !this.#isSettled
    this.#wake()
  }

  /** Lazily: a node that has nothing to say needs no new feed, however long it is alone. */
  async #settle(): Promise<string> {
    if (!this.#isLost && !this.#isOverdue) await new Promise<void>((resolve) => this.#waiters.push(resolve))
    if (!this.#isSettled) await this.#renew()
    return this.#incarnation
  }

  #look(): void {
    const others = this.#parts.others()
    const answers = others.filter((node) => this.#answered.has(node)).length
    // What a majority does not know was hardly told to anybody. Of a database that is known to be old that is not enough.
    const needed = this.#isOutrun ? others.length : Math.floor(others.length / 2) + 1
    if (this.#isLost || (others.length > 0 && answers < needed)) return
    this.#isSettled = true
    this.#parts.log.debug('this node goes on in its feed', { answers, others: others.length })
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async #renew(): Promise<void> {
    const { random, log } = this.#parts
    const before = this.#incarnation
    const fresh = bytesToHex(random.bytes(INCARNATION_BYTES))
    try {
      await this.#parts.keep(fresh)
    } catch (error) {
      log.warn('a new feed could not be begun yet', { error: messageOf(error) })
      throw error
    }
    this.#incarnation = fresh
    this.#isSettled = true
    this.#isLost = false
    const answers = this.#answered.size
    log.info('this node begins a new feed: too few members could tell how far its last one went', {
      incarnation: fresh,
      before,
      answers
    })
  }
}
