import { hostname } from 'node:os'
import type { Config } from '../config/load-config.ts'
import type { Capacity } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import { jobId, type Job } from '../core/job.ts'
import type { Startable, UpstreamIndex } from '../core/ports.ts'
import type { NodeRecord } from '../core/record.ts'
import type { NodeAction, NodeModeView } from '../http/api-types.ts'
import { createDesk } from '../scheduler/create-desk.ts'
import { sayGoodbye } from '../scheduler/say-goodbye.ts'
import type { WorkDesk } from '../scheduler/work-desk.ts'
import type { Mesh } from './create-mesh.ts'
import { withFound } from './keep-blobs.ts'
import type { MeshPorts } from './mesh-ports.ts'
import { capacityOf, describeHardware } from './describe-machine.ts'
import { sequence } from './lifecycle.ts'
import { serveMesh, type Served } from './serve-mesh.ts'
import { setupBuilder, type BuilderSetup } from './setup-builder.ts'
import { SOFTWARE } from './software.ts'
import { createTicker } from './ticker.ts'

/** Often enough for beats and grants, rare enough for an idle Pi. */
const TICK_MS = 250

export interface NodeParts extends MeshPorts {
  readonly mesh: Mesh
  readonly upstream: UpstreamIndex
  readonly boot: number
  readonly onProgress: (line: string) => void
  /** Instead of looking for a sandbox and interpreters. */
  readonly setupBuilder?: typeof setupBuilder
}

export interface Node {
  readonly served: Served
  /** Known once the node has started. */
  buildRefusal(): string | undefined
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves when the owner told the node to leave; it is to be stopped and forgotten then. */
  readonly left: Promise<void>
}

/**
 * A whole node around its mesh, in the order of the data's way: upstream or want → ledger → job board → coordinator → claim →
 * build → result → ledger → gossip → every ledger → catalogue → index page → pip.
 */
export function createNode(config: Config, parts: NodeParts): Node {
  return new MeshNode(config, parts)
}

class MeshNode implements Node {
  readonly served: Served
  readonly left: Promise<void>
  readonly #config: Config
  readonly #parts: NodeParts
  readonly #running: Startable
  #setup: BuilderSetup | undefined
  #desk: WorkDesk | undefined
  #mode: NodeModeView = 'running'
  #onLeft: () => void = () => undefined

  constructor(config: Config, parts: NodeParts) {
    this.#config = config
    this.#parts = parts
    this.left = new Promise((resolve) => {
      this.#onLeft = resolve
    })
    const { mesh, clock, log, random, upstream } = parts
    this.served = serveMesh(mesh, config, {
      clock,
      log,
      random,
      upstream,
      hand: {
        mode: () => this.#mode,
        trouble: () => this.#desk?.trouble(),
        act: (action) => this.#act(action)
      }
    })
    this.#running = sequence([
      { name: 'mesh', start: () => mesh.start(), stop: () => mesh.stop() },
      this.served.http,
      { name: 'observer', start: async () => undefined, stop: () => this.served.observer.stop() },
      { name: 'demand', start: async () => undefined, stop: () => this.served.demand.stop() },
      { name: 'builder', start: () => this.#startBuilder(), stop: async () => undefined },
      { name: 'scheduler', start: async () => undefined, stop: () => this.#sayGoodbye() },
      createTicker({ clock, log }, TICK_MS, () => {
        this.#tick()
      })
    ])
  }

  start(): Promise<void> {
    return this.#running.start()
  }

  stop(): Promise<void> {
    return this.#running.stop()
  }

  buildRefusal(): string | undefined {
    return this.#setup?.refusal
  }

  #tick(): void {
    this.#parts.mesh.coordination.tick()
    this.#desk?.tick()
    this.served.observer.tick()
    this.served.demand.tick()
  }

  async #startBuilder(): Promise<void> {
    const { mesh, upstream, clock, log, onProgress } = this.#parts
    const setup = await (this.#parts.setupBuilder ?? setupBuilder)(this.#config, {
      upstream,
      clock,
      log,
      onProgress,
      blobs: mesh.store,
      indexUrl: (job) => this.#indexFor(job)
    })
    this.#setup = setup
    if (setup.builder !== undefined) this.#desk = this.#createDesk(setup.builder, setup)
    const introduced = this.#introduce(setup)
    // Others are asked first how far this node's feed went; to serve, and to witness, it need not wait for that.
    if (!mesh.ledger.isWaiting()) await introduced
    else
      introduced.catch((error: unknown) => {
        log.warn('this node could not introduce itself', { error: messageOf(error) })
      })
  }

  #createDesk(builder: NonNullable<BuilderSetup['builder']>, { targets }: BuilderSetup): WorkDesk {
    const { mesh, clock, log, random, boot } = this.#parts
    const capacity = (): Capacity => capacityOf(this.#config.build)
    return createDesk(
      {
        engine: mesh,
        // A wheel that was taken for lost is found with the result that has it.
        ledger: {
          append: (...records) => mesh.ledger.append(...withFound(mesh.state, clock.wallMs(), records))
        },
        builder,
        clock,
        log,
        random,
        capacity,
        noRoom: () => mesh.keeper.trouble()
      },
      { self: mesh.self, boot, targets: targets.map(({ id }) => id), slots: this.#config.slots }
    )
  }

  /** An atomic batch is built against what it made so far, which the index does not list yet. */
  #indexFor({ project, version, target }: Job): string {
    const { batches } = this.#parts.mesh.board
    const { served } = this
    return batches.usesStaged(jobId(project, version, target)) ? served.stagedUrl() : served.indexUrl()
  }

  /** Tells the mesh who this node is, when that is news. */
  async #introduce(setup: BuilderSetup): Promise<void> {
    const { mesh } = this.#parts
    const config = this.#config
    // The founding document opens the founder's feed, for whoever reads the ledger without having joined by it.
    const { genesis } = mesh.state
    if (mesh.ledger.entryCount() === 0 && genesis.roots.includes(mesh.self)) await mesh.ledger.append(genesis)
    const before = mesh.state.nodes.get(mesh.self)
    const record: NodeRecord = {
      kind: 'node',
      saidMs: before?.saidMs ?? 0,
      label: config.name === '' ? hostname() : config.name,
      contact: config.contact,
      roles: [...config.roles],
      targets: setup.targets.map(({ id }) => id),
      hardware: await describeHardware(),
      software: SOFTWARE,
      addresses: mesh.network.host
        .addresses()
        .map((address) => address.replace(/\/p2p\/\w+$/, ''))
        .slice(0, 32),
      ...(setup.refusal === undefined ? {} : { buildRefusal: setup.refusal }),
      ...(setup.builder === undefined ? {} : { limits: capacityOf(config.build) })
    }
    if (JSON.stringify(before) === JSON.stringify(record)) return
    // Later than what it said before, whatever the clock says now.
    const saidMs = Math.max(this.#parts.clock.wallMs(), record.saidMs + 1)
    await mesh.ledger.append({ ...record, saidMs })
  }

  async #act(action: NodeAction): Promise<NodeModeView> {
    if (action === 'resume') {
      this.#desk?.resume()
      this.#mode = 'running'
    } else if (action === 'finish') {
      this.#desk?.finish()
      this.#mode = 'finishing'
    } else if (action === 'pause') {
      await this.#desk?.stop()
      this.#mode = 'paused'
    } else {
      this.#mode = 'leaving'
      await this.#leave()
    }
    return this.#mode
  }

  async #leave(): Promise<void> {
    const { mesh, log } = this.#parts
    await this.#desk?.stop()
    await mesh.ledger
      .append({ kind: 'revoke', subject: mesh.self, reason: 'its owner took it out of the mesh' })
      .catch((error: unknown) => {
        log.error('the mesh could not be told that this node leaves', { error: messageOf(error) })
      })
    this.#onLeft()
  }

  async #sayGoodbye(): Promise<void> {
    await sayGoodbye(this.#parts.clock, this.#parts.mesh.coordination, this.#desk)
  }
}
