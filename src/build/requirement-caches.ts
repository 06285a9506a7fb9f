import { join } from 'node:path'
import { BUILD_CACHE_BYTES } from '../core/limits.ts'
import type { SandboxHost } from './capture.ts'
import { EnvironmentCache } from './environment-cache.ts'
import { Resolutions } from './resolutions.ts'
import { WheelCache } from './wheel-cache.ts'

/** What builds of one place share of their requirements. One process has one of these for a place. */
export interface RequirementCaches {
  readonly wheels: WheelCache
  readonly environments: EnvironmentCache
  readonly resolutions: Resolutions
}

export function createRequirementCaches({
  place: { requirements },
  clock
}: Pick<SandboxHost, 'place' | 'clock'>): RequirementCaches {
  const bounds = { maxBytes: BUILD_CACHE_BYTES, clock }
  return {
    wheels: new WheelCache(join(requirements, 'wheels'), bounds),
    environments: new EnvironmentCache(join(requirements, 'environments'), bounds),
    resolutions: new Resolutions(join(requirements, 'resolutions'))
  }
}
