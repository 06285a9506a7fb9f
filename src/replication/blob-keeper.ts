import { messageOf } from '../core/errors.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import {
  ASK_ALL_TRIES,
  KEEPER_CHECK_MS,
  KEEPER_ROUND_MS,
  KEEPER_SETTLE_MS,
  KEEPER_SLICE_BLOBS,
  KEEPER_SLICE_PAUSE_MS,
  MAX_APPEARED_BLOBS,
  REPAIR_BYTES_PER_SECOND
} from '../core/limits.ts'
import type { BlobSource, BlobStore, Clock, Log, Random, Startable } from '../core/ports.ts'
import { Audit } from './audit.ts'
import type { BlobMeter } from './blob-meter.ts'
import { Dropping } from './dropping.ts'
import { Duties, type DutyOptions } from './duties.ts'
import { LostWatch } from './lost-watch.ts'
import { MissingBlobs } from './missing-blobs.ts'
import { Repairs } from './repairs.ts'
import type { DiskSpace, KeptBlob, KeptBlobs, LostBook, ReplicaPeers } from './replica-ports.ts'
import type { RoomLimits } from './room.ts'
import { RoomKeeper, type RoomStatus } from './room-keeper.ts'

export interface BlobKeeperParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly meter: BlobMeter<BlobStore>
  readonly source: BlobSource
  readonly kept: KeptBlobs
  readonly peers: ReplicaPeers
  readonly lost: LostBook
  readonly space: DiskSpace
  /** The bytes of a blob that is here are those that its name promises. */
  isWhole(digest: Sha256): Promise<boolean>
  /** A blob that `kept` does not find is of a kind that it cannot find. */
  mayBeNeeded(digest: Sha256): Promise<boolean>
}

export interface BlobKeeperOptions extends DutyOptions, RoomLimits {
  readonly bytesPerSecond?: number
}

/** What this node does about copies, for people. */
export interface KeeperStatus extends RoomStatus {
  /** Why nothing may be added to this disk, if so. */
  readonly trouble?: string
  /** Blobs that this node is to hold, as of the last look through all of them. */
  readonly owed: number
  /** Of these, known not to be here yet: each has a copy fewer than it should. */
  readonly lacking: number
  /** Of these, such that nobody could give when last asked. */
  readonly unavailable: number
  readonly fetchedBytes: number
}

/** After a walk through all blobs this part of time is spent on something else: 4 is four times as long as the walk took. */
const REST_FACTOR = 4

/**
 * Sees to it that this node holds what it owes to the mesh, that its disk does not fill up with what others hold, too, and that what
 * is gone for good is said to be gone. Spec: docs/protocol/replication.md
 */
export class BlobKeeper implements Startable {
  readonly name = 'blob keeper'
  readonly #parts: BlobKeeperParts
  readonly #self: NodeId
  readonly #duties: Duties
  readonly #room: RoomKeeper
  readonly #repairs: Repairs
  readonly #lostWatch: LostWatch
  readonly #audit: Audit
  readonly #missing = new MissingBlobs()
  readonly #ending = new AbortController()
  #loops: readonly Promise<void>[] = []
  #present: ReadonlySet<NodeId> = new Set()
  #walkDueMs = 0
  #walkNotBeforeMs = 0
  readonly #appeared: KeptBlob[] = []
  #isSettling = false
  /** A ledger that is being filled: a walk is due then. */
  #floodedUntilMs = 0
  #owed = 0

  constructor(parts: BlobKeeperParts, options: BlobKeeperOptions) {
    const { meter, peers, lost } = parts
    this.#parts = parts
    this.#self = options.self
    this.#audit = new Audit({ ...parts, self: options.self })
    const hasRoom = (): boolean => this.#room.hasRoom()
    const distrusts = (node: NodeId): boolean => this.#audit.distrusts(node)
    this.#duties = new Duties({ meter, peers, lost, hasRoom, distrusts }, options)
    const dropping = new Dropping({
      ...parts,
      duties: this.#duties,
      self: options.self,
      mayBeNeeded: (digest) => parts.mayBeNeeded(digest)
    })
    this.#room = new RoomKeeper({ ...parts, drop: (order) => dropping.run(order) }, options)
    this.#repairs = this.#createRepairs(options.bytesPerSecond ?? REPAIR_BYTES_PER_SECOND)
    this.#lostWatch = new LostWatch({
      ...parts,
      has: (digest) => meter.has(digest),
      isWhole: (digest) => parts.isWhole(digest)
    })
    meter.onStored((digest) => {
      this.#missing.forget(digest)
      this.#lostWatch.stored(digest)
    })
  }

  async start(): Promise<void> {
    await this.#room.measure()
    this.#look()
    this.#repairs.start()
    this.#loops = [this.#loop('check', () => this.#check()), this.#loop('walk', () => this.#walkIfDue())]
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await this.#repairs.stop()
    await Promise.allSettled(this.#loops)
  }

  /** This node takes copies of others' blobs. */
  hasRoom(): boolean {
    return this.#room.hasRoom()
  }

  /** Why nothing may be added to this disk, if so. */
  trouble(): string | undefined {
    return this.#room.trouble()
  }

  status(): KeeperStatus {
    const trouble = this.trouble()
    const lacking = new Set([...this.#repairs.digests(), ...this.#missing.digests()])
    return {
      ...this.#room.status(),
      ...(trouble === undefined ? {} : { trouble }),
      owed: this.#owed,
      lacking: lacking.size,
      unavailable: this.#missing.count(),
      fetchedBytes: this.#repairs.fetchedBytes()
    }
  }

  /** Records came that speak of these blobs. `read` is not called while too many come: then a walk looks at all of them. */
  appeared(read: () => readonly KeptBlob[]): void {
    if (this.#nowMs() < this.#floodedUntilMs) return
    if (this.#appeared.length >= MAX_APPEARED_BLOBS) {
      this.#hasten(KEEPER_SETTLE_MS)
      this.#floodedUntilMs = this.#walkDueMs
      return
    }
    this.#appeared.push(...read())
    if (!this.#isSettling) void this.#settleAll()
  }

  #createRepairs(bytesPerSecond: number): Repairs {
    const { clock, log, source } = this.#parts
    return new Repairs(
      {
        clock,
        log,
        source,
        hintFor: (blob) =>
          this.#duties.hintFor(blob, (this.#missing.get(blob.digest)?.tries ?? 0) >= ASK_ALL_TRIES),
        isStillWanted: (blob) => this.#isStillWanted(blob),
        onFetched: (blob) => {
          this.#missing.forget(blob.digest)
          this.#audit.met(blob)
        },
        onFailed: (blob, asked) => this.#onFailed(blob, asked)
      },
      { bytesPerSecond }
    )
  }

  async #loop(what: string, turn: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#parts
    const { signal } = this.#ending
    while (!signal.aborted) {
      await turn().catch((error: unknown) => {
        if (!signal.aborted) log.error('the blob keeper stumbled', { what, error: messageOf(error) })
      })
      await clock.sleep(KEEPER_CHECK_MS, { signal }).catch(() => undefined)
    }
  }

  async #check(): Promise<void> {
    await this.#room.measure()
    this.#look()
    if (this.hasRoom()) {
      for (const { blob } of this.#missing.due(this.#nowMs())) this.#repairs.offer(blob)
    }
    await this.#lostWatch.look(this.#ending.signal)
    await this.#audit.run(this.#duties, this.#ending.signal)
    await this.#room.makeRoom(this.#ending.signal)
  }

  /** Who may hold copies changed: all are looked through, but not before it is likely to stay so. */
  #look(): void {
    const isFirst = this.#duties.placement().nodes().length === 0
    if (this.#duties.look() && !isFirst) {
      this.#hasten(KEEPER_SETTLE_MS)
      this.#room.tryAgain()
    }
    const { peers } = this.#parts
    const nodes = this.#duties.placement().nodes()
    const present = new Set(nodes.filter((node) => peers.isPresent(node)))
    // Whoever came may have what nobody had.
    if ([...present].some((node) => !this.#present.has(node))) this.#missing.hurry(this.#nowMs())
    this.#present = present
  }

  async #walkIfDue(): Promise<void> {
    const beganMs = this.#nowMs()
    if (beganMs < Math.max(this.#walkDueMs, this.#walkNotBeforeMs)) return
    this.#walkDueMs = beganMs + this.#jittered(KEEPER_ROUND_MS)
    await this.#walk()
    this.#walkNotBeforeMs = this.#nowMs() + REST_FACTOR * (this.#nowMs() - beganMs)
    await this.#room.count()
  }

  async #walk(): Promise<void> {
    const { clock, kept } = this.#parts
    const { signal } = this.#ending
    let owed = 0
    for await (const slice of kept.slices(KEEPER_SLICE_BLOBS)) {
      for (const blob of slice) {
        if (signal.aborted) return
        const standing = await this.#duties.standingOf(blob, signal)
        if (standing !== 'not-owed') owed++
        if (standing === 'held') this.#audit.met(blob)
        if (standing === 'lacking' && this.#missing.get(blob.digest) === undefined)
          await this.#repairs.add(blob)
      }
      this.#owed = Math.max(this.#owed, owed)
      await clock.sleep(KEEPER_SLICE_PAUSE_MS, { signal })
    }
    this.#owed = owed
  }

  async #settleAll(): Promise<void> {
    this.#isSettling = true
    for (let blob = this.#appeared.shift(); blob !== undefined; blob = this.#appeared.shift())
      await this.#settle(blob).catch(() => undefined)
    this.#isSettling = false
  }

  async #settle(blob: KeptBlob): Promise<void> {
    const standing = await this.#duties.standingOf(blob, this.#ending.signal)
    if (standing !== 'not-owed') this.#owed++
    if (standing === 'held') this.#audit.met(blob)
    if (standing === 'lacking' && !this.#repairs.offer(blob)) this.#hasten(KEEPER_SETTLE_MS)
  }

  async #isStillWanted(blob: KeptBlob): Promise<boolean> {
    const isLacking =
      this.#parts.kept.find(blob.key) !== undefined &&
      (await this.#duties.standingOf(blob, this.#ending.signal)) === 'lacking'
    if (!isLacking) this.#missing.forget(blob.digest)
    return isLacking && this.#room.fits(blob.size)
  }

  async #onFailed(blob: KeptBlob, asked: boolean): Promise<void> {
    const placement = this.#duties.placement()
    const counts = asked && this.#lostWatch.isMajority(placement)
    const missing = this.#missing.failed(blob, this.#nowMs(), counts)
    if (missing !== undefined) await this.#lostWatch.consider(missing, this.#self, placement)
  }

  /** All blobs are looked through soon. */
  #hasten(inMs: number): void {
    this.#walkDueMs = Math.min(this.#walkDueMs, this.#nowMs() + this.#jittered(inMs))
  }

  /** Between half and one and a half of it. */
  #jittered(ms: number): number {
    return ms * (0.5 + this.#parts.random.float())
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }
}
