import type { writeBackup } from '../node/backup.ts'
import type { runDoctor } from '../node/doctor/doctor.ts'
import type { createLogger } from '../node/logger.ts'
import type { offlineEntries, verifyOffline } from '../node/offline.ts'
import type { restoreBackup } from '../node/restore.ts'

/** What the commands about the data folder need of src/node. */
export interface StoragePort {
  readonly verifyOffline: typeof verifyOffline
  readonly offlineEntries: typeof offlineEntries
  readonly writeBackup: typeof writeBackup
  readonly restoreBackup: typeof restoreBackup
  readonly runDoctor: typeof runDoctor
  readonly createLogger: typeof createLogger
}

/** Loaded when it is needed: the other commands start faster without. */
export async function loadStorage(): Promise<StoragePort> {
  const [offline, backup, restore, doctor, logger] = await Promise.all([
    import('../node/offline.ts'),
    import('../node/backup.ts'),
    import('../node/restore.ts'),
    import('../node/doctor/doctor.ts'),
    import('../node/logger.ts')
  ])
  return { ...offline, ...backup, ...restore, ...doctor, ...logger }
}
