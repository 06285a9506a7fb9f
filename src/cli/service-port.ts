import type { installService, rollBack } from '../node/service/install-service.ts'
import type { removedBy, removeService } from '../node/service/remove-service.ts'
import type { serviceState, thisHost } from '../node/service/service-host.ts'

/** What `service` and `upgrade` need of src/node. */
export interface ServicePort {
  readonly installService: typeof installService
  readonly rollBack: typeof rollBack
  readonly removeService: typeof removeService
  readonly removedBy: typeof removedBy
  readonly serviceState: typeof serviceState
  readonly thisHost: typeof thisHost
}

/** Loaded when it is needed: the other commands start faster without. */
export async function loadService(): Promise<ServicePort> {
  const [install, remove, host] = await Promise.all([
    import('../node/service/install-service.ts'),
    import('../node/service/remove-service.ts'),
    import('../node/service/service-host.ts')
  ])
  return { ...install, ...remove, ...host }
}
