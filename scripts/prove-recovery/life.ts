import { join } from 'node:path'
import { FAKE_TARGET } from '../../test/support/fake-builder.ts'
import type { FixtureUpstream } from '../../test/support/fixture-upstream.ts'
import { jobsOf, statusOf } from '../../test/support/mesh-views.ts'
import type { Yard } from '../../test/support/node-yard.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { eventually, Fleet } from '../prove-coordination/fleet.ts'
import type { MeshNetwork } from '../prove-coordination/mesh-network.ts'
import { hasBlob, keptBlobs, type KeptBlob } from './blobs-on-disk.ts'
import { copyFolder } from './damage.ts'
import { differences, servedBodies, servedFiles, type Bodies, type ServedFile } from './served.ts'
import { want } from './want.ts'

export interface LifeParts {
  readonly network: MeshNetwork
  readonly upstream: FixtureUpstream
  readonly yard: Yard
}

export interface LifeOptions {
  readonly nodes: number
  readonly projects: number
  readonly copies: number
  readonly buildMs: string
  readonly wheelKiB: string
  readonly say: (text: string) => void
}

/** All that is to be there again after the disaster. */
export interface Memory {
  readonly bodies: Bodies
  readonly files: readonly ServedFile[]
  readonly kept: readonly KeptBlob[]
}

const FIRST_VERSIONS = ['1.0', '1.1', '1.2']
const LATER_VERSIONS = ['1.3', '1.4']
const FIRST = '<1.3'
/** Projects that the index lists, and of which nobody wants anything before the disaster: one for each node that then loses something. */
const LAST_PROJECTS = ['last-a', 'last-b', 'last-c', 'last-d']
const ENDED = new Set(['built', 'failed'])
const CONNECTED_SECONDS = 120
const BUILT_SECONDS = 120
const QUIET_SECONDS = 90

/** A mesh that founds itself, builds and grows, up to the day of the disaster; and what it must still do after it. */
export class Life {
  readonly network: MeshNetwork
  readonly projects: readonly string[]
  readonly #fleet: Fleet
  readonly #yard: Yard
  readonly #upstream: FixtureUpstream
  readonly #options: LifeOptions
  #jobs = 0

  constructor({ network, upstream, yard }: LifeParts, options: LifeOptions) {
    const { nodes, projects, buildMs, wheelKiB } = options
    this.network = network
    this.#yard = yard
    this.#upstream = upstream
    this.#options = options
    const places = network.places.map((place) => ({
      ...place,
      env: { ...place.env, FAKE_WHEEL_KIB: wheelKiB }
    }))
    this.#fleet = new Fleet(yard, { ...network, places }, { nodes, buildMs, upstream: upstream.url })
    this.projects = Array.from({ length: projects }, (_, at) => `kept-${String(at).padStart(2, '0')}`)
  }

  get nodes(): readonly NodeProcess[] {
    return this.#fleet.nodes
  }

  /** Jobs that were wanted so far. */
  get jobs(): number {
    return this.#jobs
  }

  /** Where the old copy of a node's data folder lies. */
  copyOf(name: string): string {
    return join(this.#yard.folder, 'copies', name)
  }

  async found(): Promise<void> {
    for (const project of [...this.projects, ...LAST_PROJECTS])
      for (const version of [...FIRST_VERSIONS, ...LATER_VERSIONS]) this.#publish(project, version)
    await this.#fleet.start()
    await eventually('all connected', CONNECTED_SECONDS, () => this.#fleet.isConnected())
    this.#options.say(`${this.nodes.length} nodes are a mesh, with ${this.network.kind} between them`)
  }

  /** Three versions of each project, wanted through the founder. */
  async buildFirst(): Promise<void> {
    for (const project of LAST_PROJECTS) await fetch(this.nodes[0]!.url(`/simple/${project}/`))
    await want(
      this.nodes[0]!,
      this.projects.map((project) => `${project}${FIRST}`)
    )
    this.#jobs += this.projects.length * FIRST_VERSIONS.length
    await this.#allBuilt()
    await this.#quiet()
  }

  /** A power cut, an old copy of everything, and all go on. */
  async copyAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
    for (const { name, dataDir } of this.nodes) await copyFolder(dataDir, this.copyOf(name))
    await Promise.all(this.nodes.map((node) => node.start()))
    await eventually('all connected again', CONNECTED_SECONDS, () => this.#fleet.isConnected())
    this.#options.say('a power cut: all data folders were copied, and all nodes are back')
  }

  /** The other versions, wanted through one node after the other, and through each of them at least once: every feed goes on. */
  async buildMore(): Promise<void> {
    const { nodes, projects } = this
    for (let at = 0; at < Math.max(nodes.length, projects.length); at++)
      await want(nodes[at % nodes.length]!, [`${projects[at % projects.length]!}>=0`])
    this.#jobs += this.projects.length * LATER_VERSIONS.length
    await this.#allBuilt()
    await this.#quiet()
  }

  /** What is to come back. */
  async remember(): Promise<Memory> {
    const [first] = this.nodes as [NodeProcess]
    const bodies = await eventually('all nodes serve the same index', QUIET_SECONDS, () => this.#sameBodies())
    const files = await servedFiles(first, this.projects)
    const kept = await keptBlobs(first, this.projects)
    this.#options.say(`${this.#jobs} jobs are built; ${files.length} files are served by all nodes`)
    return { bodies, files, kept }
  }

  async ticket(): Promise<string> {
    const { code, stdout, stderr } = await this.nodes[0]!.command('invite', '--uses', '1')
    if (code !== 0) throw new Error(`invite: ${stderr}`)
    return stdout.trim()
  }

  /** A want for each of these nodes: to be told to it the moment it is back. */
  lastWants(names: readonly string[]): Readonly<Record<string, string>> {
    this.#jobs += names.length * (FIRST_VERSIONS.length + LATER_VERSIONS.length)
    return Object.fromEntries(names.map((name, at) => [name, `${LAST_PROJECTS[at] ?? ''}>=0`]))
  }

  /** What was wanted after the disaster is built as well, and all nodes agree again. */
  async endsWell(): Promise<readonly string[]> {
    const violations: string[] = []
    const note = (error: unknown): void => void violations.push(String(error))
    await this.#allBuilt().catch(note)
    await this.#sameLedgers().catch(note)
    await eventually('all nodes serve the same index in the end', QUIET_SECONDS, () =>
      this.#sameBodies([...this.projects, ...LAST_PROJECTS])
    ).catch(note)
    return violations
  }

  #publish(project: string, version: string): void {
    const filename = `${project.replace('-', '_')}-${version}.tar.gz`
    this.#upstream.publish(project, { filename, bytes: Buffer.from(`the source of ${project} ${version}`) })
  }

  async #allBuilt(): Promise<void> {
    await eventually(`${this.#jobs} jobs ended on all nodes`, BUILT_SECONDS, async () => {
      for (const node of this.nodes) {
        const rows = await jobsOf(node).catch(() => [])
        const ended = rows.filter(({ target, state }) => target === FAKE_TARGET.id && ENDED.has(state))
        if (ended.length < this.#jobs) return false
      }
      return true
    })
  }

  /** Nothing is under way any more: all ledgers are equal, and every blob has its copies. */
  async #quiet(): Promise<void> {
    await this.#sameLedgers()
    const { copies, say } = this.#options
    const kept = await keptBlobs(this.nodes[0]!, this.projects)
    await eventually(`${copies} copies of all blobs`, QUIET_SECONDS, async () => {
      for (const { sha256 } of kept) {
        const found = await Promise.all(this.nodes.map(({ dataDir }) => hasBlob(dataDir, sha256)))
        if (found.filter(Boolean).length < copies) return false
      }
      return true
    })
    say(`${this.#jobs} jobs have ended; ${kept.length} blobs have ${copies} copies`)
  }

  async #sameLedgers(): Promise<void> {
    await eventually('all ledgers are equally long', QUIET_SECONDS, async () => {
      const lengths = await Promise.all(
        this.nodes.map(async (node) => {
          const { feeds, entries } = (await statusOf(node)).ledger
          return `${feeds} ${entries}`
        })
      )
      return new Set(lengths).size === 1
    })
  }

  /** The bodies, when they are the same on all nodes. */
  async #sameBodies(projects = this.projects): Promise<Bodies | undefined> {
    const [first = {}, ...others] = await Promise.all(this.nodes.map((node) => servedBodies(node, projects)))
    return others.every((bodies) => differences(first, bodies).length === 0) ? first : undefined
  }
}
