const MiB = 1024 ** 2
const second = 1000
const minute = 60 * second

/** The machine is looked at this often: it costs some reads of /sys and /proc, and no write. */
export const WATCH_MS = 10 * second
/** A few bytes are written to the disk itself: a worn card may take no writes while it still says that it does. */
export const WRITE_PROBE_MS = 10 * minute
/** The sandbox is tried again, while nothing is built: an upgrade of the system may have broken it. */
export const SANDBOX_PROBE_MS = 10 * minute
export const SANDBOX_AGAIN_MS = 1 * minute
/** A processor must be so much cooler than the bound before it builds again. */
export const COOLER_CELSIUS = 5
/** Free space must exceed the bound by so much before builds begin again: one that ran would fill it at once. */
export const ROOM_AGAIN = 1.25
/** Room for a build on a file system of its own, below which none is begun. */
export const BUILD_ROOM_BYTES = 512 * MiB
/** Inodes that a large build takes; on a small file system this share of all. */
export const MIN_INODES = 20_000
export const MIN_INODE_SHARE = 0.05
/** Clocks of a mesh may differ by this before one that is behind is taken to be wrong. */
export const CLOCK_BEHIND_MS = 60 * minute
/** A clock that was wrong when the program was put here may have been set back by so much since. */
export const CLOCK_SET_BACK_MS = 24 * 60 * minute
/** No node of this program ran before: 2025-01-01. */
export const EPOCH_OF_PROGRAM_MS = 1_735_689_600_000
