import type { Clock } from '../core/ports.ts'
import type { Coordination } from './coordination.ts'
import type { WorkDesk } from './work-desk.ts'

/** By then the next coordinators have been heard: they are to get the claims that this node gives back. */
const HANDED_OVER_MS = 400
/** Goodbyes are given this long to leave the machine. */
const FAREWELL_MS = 300

/**
 * Leaves the mesh's work in good order: leases first, because ending a build may take seconds, and nobody else need wait for that;
 * then the builds, then a word to all.
 */
export async function sayGoodbye(
  clock: Clock,
  coordination: Coordination,
  desk: WorkDesk | undefined
): Promise<void> {
  desk?.finish()
  await coordination.handOver()
  if (desk !== undefined && desk.running().length > 0) await clock.sleep(HANDED_OVER_MS)
  await desk?.stop()
  await coordination.stop()
  await clock.sleep(FAREWELL_MS)
}
