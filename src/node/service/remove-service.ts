import { rm } from 'node:fs/promises'
import type { ServiceParts } from './install-service.ts'
import { ServiceError } from './service-error.ts'
import { needSystemd, serviceState, systemctl } from './service-host.ts'
import { SERVICE_NAME, SERVICE_USER, type ServicePlaces } from './service-places.ts'

/** As whom a node that root ran by hand built; the service builds as itself. */
const BUILD_USER = 'commonwheel-build'

/** What `service uninstall` removes; `purge`: all that installing and running made. */
export function removedBy(places: ServicePlaces, purge: boolean): readonly string[] {
  const always = [places.unitFile, `${places.unitFile}.d`, places.programs]
  if (!purge) return always
  return [...always, places.dataDir, ...(places.buildPlace === undefined ? [] : [places.buildPlace])]
}

/** Stops the service and removes it. With `purge` the node's data too, key and records among them, and the users made for it. */
export async function removeService(parts: ServiceParts, purge: boolean): Promise<readonly string[]> {
  const { host, places, onProgress } = parts
  await needSystemd(host, places.scope)
  const state = await serviceState(host, places.scope)
  if (state['LoadState'] === 'not-found' && !purge)
    throw new ServiceError({ code: 'SERVICE_NOT_INSTALLED', cure: 'there is nothing to remove' })
  onProgress('stopping the node')
  await systemctl(host, places.scope, 'disable', '--now', SERVICE_NAME)
  const paths = removedBy(places, purge)
  for (const path of paths) await rm(path, { recursive: true, force: true })
  await systemctl(host, places.scope, 'daemon-reload')
  await systemctl(host, places.scope, 'reset-failed', SERVICE_NAME)
  if (purge && places.scope === 'system')
    for (const user of [SERVICE_USER, BUILD_USER]) await host.run('userdel', [user])
  return paths
}
