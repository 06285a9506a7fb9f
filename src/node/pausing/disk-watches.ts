import type { Clock } from '../../core/ports.ts'
import type { FolderRoom, MachineReadings } from './machine-readings.ts'
import { BUILD_ROOM_BYTES, MIN_INODES, MIN_INODE_SHARE, ROOM_AGAIN, WRITE_PROBE_MS } from './pause-limits.ts'
import { HOLD_MS } from './steady-cause.ts'
import { AT_ONCE, type Objection, type Watch } from './watch.ts'

const MiB = 1024 ** 2

export interface DiskWatchParts {
  readonly clock: Clock
  readonly readings: MachineReadings
  readonly dataDir: string
  /** Where builds happen; undefined: this node builds nothing. */
  readonly buildRoot: string | undefined
  readonly minFree: number
  /** Bytes that builds may take now. */
  onBuildRoom(bytes: number): void
  /** Why the keeper of the blobs wants nothing added, if so. */
  roomTrouble(): string | undefined
  /** Why the database cannot be written, if so. */
  storageTrouble(): string | undefined
}

export function diskWatches(parts: DiskWatchParts): readonly Watch[] {
  const { readings, dataDir, buildRoot } = parts
  const folders = [dataDir, ...(buildRoot === undefined ? [] : [buildRoot])]
  return [
    writable(parts, folders),
    {
      cause: 'disk',
      steadiness: { patience: 1, holdMs: HOLD_MS },
      async look(isSet) {
        const [data, build] = await Promise.all(folders.map((folder) => readings.room(folder)))
        if (data === undefined) return undefined
        if (build !== undefined)
          parts.onBuildRoom(build.freeBytes - (build.device === data.device ? parts.minFree : 0))
        const trouble = parts.roomTrouble()
        return trouble === undefined ? tooFull(parts, { data, build, isSet }) : { reason: trouble }
      }
    },
    {
      cause: 'inodes',
      steadiness: AT_ONCE,
      async look(isSet) {
        for (const folder of folders) {
          const { freeInodes, inodes } = await readings.room(folder)
          const least = Math.min(MIN_INODES, inodes * MIN_INODE_SHARE) * (isSet ? ROOM_AGAIN : 1)
          if (freeInodes >= least) continue
          return {
            reason: `only ${freeInodes} of ${inodes} inodes are free where ${folder} lies: remove small files (df -i), or take a larger file system`
          }
        }
        return undefined
      }
    }
  ]
}

interface Rooms {
  readonly data: FolderRoom
  /** Undefined: there is no such folder. */
  readonly build: FolderRoom | undefined
  readonly isSet: boolean
}

/** The keeper of the blobs says when too little is left; here, when enough is free again, and about the place of builds. */
function tooFull(
  { minFree, buildRoot }: DiskWatchParts,
  { data, build, isSet }: Rooms
): Objection | undefined {
  const enough = minFree * ROOM_AGAIN
  if (isSet && data.freeBytes < enough)
    return {
      reason: `${mib(data.freeBytes)} MiB of the disk are free: it builds again from ${mib(enough)} MiB on`
    }
  if (build === undefined || build.device === data.device) return undefined
  if (build.freeBytes >= BUILD_ROOM_BYTES * (isSet ? ROOM_AGAIN : 1)) return undefined
  return {
    reason: `only ${mib(build.freeBytes)} MiB are free where builds happen (${buildRoot ?? ''}): free some space there, or set buildDir`
  }
}

const WRITE_CURES: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only: sudo dmesg says why; replace the card if it is worn',
  EIO: 'the disk fails: sudo dmesg says more; replace it, and restore a backup',
  EACCES: 'it belongs to another user: start the node as its owner'
}
/** Fullness has a cause of its own. */
const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** The system is asked each time, which costs no write; now and then a few bytes go to the disk itself. */
function writable(parts: DiskWatchParts, folders: readonly string[]): Watch {
  const { clock, readings } = parts
  let probedMs = -Infinity
  let failed: Objection | undefined
  return {
    cause: 'read-only',
    steadiness: AT_ONCE,
    async look() {
      const trouble = parts.storageTrouble()
      if (trouble !== undefined) return { reason: trouble }
      for (const folder of folders) {
        const code = await readings.mayWrite(folder)
        if (code !== undefined) return objection(folder, code)
      }
      const nowMs = clock.monotonicMs()
      // What failed is tried again each time: nothing else would show that it is over.
      if (failed === undefined && nowMs - probedMs < WRITE_PROBE_MS) return undefined
      probedMs = nowMs
      failed = undefined
      for (const folder of await onePerDisk(readings, folders)) {
        const code = await readings.tryWrite(folder)
        if (code !== undefined && !FULL.has(code)) failed = objection(folder, code)
      }
      return failed
    }
  }
}

async function onePerDisk(readings: MachineReadings, folders: readonly string[]): Promise<readonly string[]> {
  const rooms = await Promise.all(folders.map((folder) => readings.room(folder)))
  return folders.filter((_, at) => rooms.findIndex(({ device }) => device === rooms[at]?.device) === at)
}

function objection(folder: string, code: string): Objection {
  return { reason: `${folder} takes no writes (${code}); ${WRITE_CURES[code] ?? 'sudo dmesg may say more'}` }
}

function mib(bytes: number): number {
  return Math.floor(bytes / MiB)
}
