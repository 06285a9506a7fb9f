import { join } from 'node:path'

/** Whose service manager runs the node: the machine's, or that of one user. */
export type ServiceScope = 'system' | 'user'

/** Where the parts of an installed node lie. All of it is removed by `service uninstall --purge`. */
export interface ServicePlaces {
  readonly scope: ServiceScope
  /** Copies of the program, one folder a version, and the link `current` to the one in use. */
  readonly programs: string
  readonly unitFile: string
  readonly dataDir: string
  /** Where a node that root ran by hand built, when its data folder was closed to the build user. */
  readonly buildPlace?: string
}

/** In the data folder: where a ticket waits for the service's first start, which removes it. */
export const TICKET_FILE = 'ticket'
export const SERVICE_NAME = 'commonwheel.service'
/** As whom the system's service runs: nobody who could write anything but the data folder. */
export const SERVICE_USER = 'commonwheel'

/** The places of the machine's service. systemd.unit(5), file-hierarchy(7): units of an administrator, add-on software. */
export function systemPlaces(dataDir: string): ServicePlaces {
  return {
    scope: 'system',
    programs: '/opt/commonwheel',
    unitFile: `/etc/systemd/system/${SERVICE_NAME}`,
    dataDir,
    buildPlace: '/var/lib/commonwheel-build'
  }
}

/** The places of one user's service; `home` is absolute. */
export function userPlaces(home: string, dataDir: string): ServicePlaces {
  return {
    scope: 'user',
    programs: join(home, '.local', 'lib', 'commonwheel'),
    unitFile: join(home, '.config', 'systemd', 'user', SERVICE_NAME),
    dataDir
  }
}

/** The program that a service starts. */
export function currentProgram({ programs }: ServicePlaces): string {
  return join(programs, 'current')
}
