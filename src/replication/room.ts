import { BLOBS_FULL_SHARE, BLOBS_ROOM_SHARE } from '../core/limits.ts'

/** `full`: no more copies, and those that others hold, too, are dropped. `over`: nothing may be added at all. */
export type RoomLevel = 'room' | 'full' | 'over'

export interface RoomLimits {
  /** Bytes that blobs may take; 0: no bound. */
  readonly disk: number
  /** Bytes of the file system that stay free. */
  readonly minFree: number
}

export interface RoomUse {
  /** Bytes that blobs take. */
  readonly used: number
  /** Bytes that are free on the file system. */
  readonly free: number
}

/** Free space at which a node takes no more copies, and at which it takes some again, in parts of `minFree`. */
const FULL_FREE = 1.25
const ROOM_FREE = 1.5

/** What there is room for; `before` is what was said last, since a node must not change its mind with every blob. */
export function roomLevel({ used, free }: RoomUse, limits: RoomLimits, before: RoomLevel): RoomLevel {
  const { disk, minFree } = limits
  const share = disk === 0 ? 0 : used / disk
  if (share > 1 || free < minFree) return 'over'
  if (share > BLOBS_FULL_SHARE || free < minFree * FULL_FREE) return 'full'
  if (before === 'room') return 'room'
  return share < BLOBS_ROOM_SHARE && free >= minFree * ROOM_FREE ? 'room' : 'full'
}

/** Whether a copy of that size may come, so that the node still has room after. */
export function fits(size: number, { used, free }: RoomUse, { disk, minFree }: RoomLimits): boolean {
  return (disk === 0 || used + size <= disk * BLOBS_FULL_SHARE) && free - size >= minFree * FULL_FREE
}

/** Bytes to drop of what others hold, too, until there is room again; and of all that must go whatever it is. */
export function excessOf(
  { used, free }: RoomUse,
  { disk, minFree }: RoomLimits
): {
  readonly spare: number
  readonly must: number
} {
  const above = (share: number, freeFactor: number): number =>
    Math.max(0, disk === 0 ? 0 : used - disk * share, minFree * freeFactor - free)
  return { spare: above(BLOBS_ROOM_SHARE, ROOM_FREE), must: above(1, 1) }
}
