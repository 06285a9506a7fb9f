import type { Log, BlobStore, Clock } from '../core/ports.ts'
import { DROP_AGAIN_MS } from '../core/limits.ts'
import type { BlobMeter } from './blob-meter.ts'
import type { DropOrder, Dropped } from './dropping.ts'
import type { DiskSpace } from './replica-ports.ts'
import { excessOf, fits, roomLevel, type RoomLevel, type RoomLimits, type RoomUse } from './room.ts'

export interface RoomParts {
  readonly clock: Clock
  readonly log: Log
  readonly meter: BlobMeter<BlobStore>
  readonly space: DiskSpace
  drop(order: DropOrder): Promise<Dropped>
}

/** What of the disk blobs take, for people. */
export interface RoomStatus extends RoomLimits {
  /** This node takes copies of others' blobs. */
  readonly room: boolean
  /** Undefined while they are counted. */
  readonly usedBytes?: number
  readonly freeBytes: number
  readonly droppedBytes: number
}

/** Keeps the disk from filling up: says when there is no room for copies, and drops what others hold, too. */
export class RoomKeeper {
  readonly #parts: RoomParts
  readonly #limits: RoomLimits
  #level: RoomLevel = 'room'
  #use: RoomUse = { used: 0, free: 0 }
  #counting: Promise<void> | undefined
  #dropNotBeforeMs = 0
  #droppedBytes = 0

  constructor(parts: RoomParts, { disk, minFree }: RoomLimits) {
    this.#parts = parts
    this.#limits = { disk, minFree }
  }

  hasRoom(): boolean {
    return this.#level === 'room'
  }

  /** A copy of that size may come. */
  fits(size: number): boolean {
    const isKnown = this.#limits.disk === 0 || this.#parts.meter.usedBytes() !== undefined
    return this.hasRoom() && isKnown && fits(size, this.#now(), this.#limits)
  }

  /** Why nothing may be added to this disk, if so. */
  trouble(): string | undefined {
    if (this.#level !== 'over') return undefined
    const { disk, minFree } = this.#limits
    const { used, free } = this.#use
    return free < minFree
      ? `only ${mib(free)} MiB of the disk are free, and minFree asks for ${mib(minFree)}: free some space, or lower minFree`
      : `wheels, logs and pages take ${mib(used)} MiB, and disk allows ${mib(disk)}: raise it, or add a node that takes copies`
  }

  status(): RoomStatus {
    const usedBytes = this.#parts.meter.usedBytes()
    return {
      ...this.#limits,
      room: this.hasRoom(),
      ...(usedBytes === undefined ? {} : { usedBytes }),
      freeBytes: this.#use.free,
      droppedBytes: this.#droppedBytes
    }
  }

  async measure(): Promise<void> {
    const { meter, space, log } = this.#parts
    // Not waited for: a million files on an SD card take minutes to count.
    if (meter.usedBytes() === undefined) void this.count().catch(() => undefined)
    this.#use = { used: 0, free: await space.freeBytes() }
    this.#use = this.#now()
    const before = this.#level
    this.#level = roomLevel(this.#use, this.#limits, before)
    if (before === this.#level) return
    this.#dropNotBeforeMs = 0
    const facts = { before, now: this.#level, ...this.#use, ...this.#limits }
    if (this.#level === 'room') log.info('there is room for copies again', facts)
    else log.warn('the disk is short: no more copies of what others hold', facts)
  }

  /** Once at a time; an error is the next count's. */
  async count(): Promise<void> {
    this.#counting ??= this.#parts.meter.count().finally(() => {
      this.#counting = undefined
    })
    await this.#counting
  }

  /** The others may hold more now than when nothing could be dropped. */
  tryAgain(): void {
    this.#dropNotBeforeMs = 0
  }

  async makeRoom(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    const excess = excessOf(this.#use, this.#limits)
    if (this.hasRoom() || excess.spare === 0 || clock.monotonicMs() < this.#dropNotBeforeMs) return
    const { blobs, bytes } = await this.#parts.drop({ ...excess, signal })
    this.#droppedBytes += bytes
    if (bytes < excess.spare) this.#dropNotBeforeMs = clock.monotonicMs() + DROP_AGAIN_MS
    if (blobs > 0) log.info('copies that others hold were dropped: the disk was short', { blobs, bytes })
    await this.measure()
  }

  #now(): RoomUse {
    return { ...this.#use, used: this.#parts.meter.usedBytes() ?? 0 }
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}
