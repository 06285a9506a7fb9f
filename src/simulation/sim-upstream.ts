import type { ProjectName } from '../core/ids.ts'
import type { UpstreamAnswer, UpstreamIndex } from '../core/ports.ts'
import type { SimMachine } from './sim-machine.ts'
import { pageOf, type SimPackage } from './sim-packages.ts'

const ANSWER_MIN_MS = 40
const ANSWER_MEAN_MS = 150

interface Published {
  package: SimPackage
  serial: number
}

/** The index that the mesh follows: answers after a while, publishes new versions, and is down at times. */
export class SimUpstream {
  readonly #projects = new Map<ProjectName, Published>()
  #serial = 0
  isDown = false

  publish(published: SimPackage): void {
    this.#projects.set(published.project, { package: published, serial: ++this.#serial })
  }

  packageOf(project: ProjectName): SimPackage | undefined {
    return this.#projects.get(project)?.package
  }

  clientOf(machine: SimMachine): UpstreamIndex {
    return {
      project: async (name, { etag } = {}): Promise<UpstreamAnswer> => {
        await machine.clock.sleep(ANSWER_MIN_MS + machine.dice.exponential(ANSWER_MEAN_MS))
        if (this.isDown) throw new Error('upstream does not answer')
        const known = this.#projects.get(name)
        if (known === undefined) return { kind: 'missing' }
        const tag = `"${known.serial}"`
        if (etag === tag) return { kind: 'not-modified' }
        return {
          kind: 'page',
          page: { serial: known.serial, etag: tag, body: pageOf(known.package, known.serial) }
        }
      },
      download() {
        throw new Error('simulated builders fetch nothing')
      }
    }
  }
}
