import { hostname } from 'node:os'
import type { Config } from '../config/load-config.ts'
import { messageOf } from '../core/errors.ts'
import { jobId, type Job } from '../core/job.ts'
import type { Startable, UpstreamIndex } from '../core/ports.ts'
import type { NodeRecord } from '../core/record.ts'
import type { NodeAction, PauseRequest, PauseView } from '../http/api-types.ts'
import { createDesk } from '../scheduler/create-desk.ts'
import { sayGoodbye } from '../scheduler/say-goodbye.ts'
import type { WorkDesk } from '../scheduler/work-desk.ts'
import type { Mesh } from './create-mesh.ts'
import { CanaryWatch } from './canary-watch.ts'
import { withFound } from './keep-blobs.ts'
import type { MeshPorts } from './mesh-ports.ts'
import type { NodeEnd } from './node-lives.ts'
import { describeHardware, limitsOf } from './describe-machine.ts'
import { PackageWatch } from './package-watch.ts'
import { NodePauses } from './pausing/node-pauses.ts'
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
  /** Resolves when the owner told the node to leave, or to finish and nothing runs any more: it is to be stopped then. */
  readonly over: Promise<NodeEnd>
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
  readonly over: Promise<NodeEnd>
  readonly #config: Config
  readonly #parts: NodeParts
  readonly #running: Startable
  #setup: BuilderSetup | undefined
  #desk: WorkDesk | undefined
  #packages: PackageWatch | undefined
  #canary: CanaryWatch | undefined
  readonly #pauses: NodePauses
  #isLeaving = false
  #onOver: (end: NodeEnd) => void = () => undefined

  constructor(config: Config, parts: NodeParts) {
    this.#config = config
    this.#parts = parts
    this.over = new Promise((resolve) => {
      this.#onOver = resolve
    })
    const { mesh, clock, log, random, upstream } = parts
    this.#pauses = new NodePauses(config, { mesh, clock, log, work: () => this.#desk })
    this.served = serveMesh(mesh, config, {
      clock,
      log,
      random,
      upstream,
      hand: {
        mode: () => (this.#isLeaving ? 'leaving' : this.#pauses.mode()),
        pauses: () => [...this.#pauses.views(), ...this.#trouble()],
        troubles: () => [...this.#pauses.board.troubles(), ...this.#trouble().map(({ reason }) => reason)],
        running: () => this.#desk?.running() ?? [],
        refusedPythons: () => this.#setup?.refusedPythons ?? [],
        builderInto: () => this.#setup?.builderInto,
        act: (action, request) => this.#act(action, request)
      }
    })
    this.#running = sequence([
      { name: 'mesh', start: () => mesh.start(), stop: () => mesh.stop() },
      this.served.http,
      { name: 'observer', start: async () => undefined, stop: () => this.served.observer.stop() },
      { name: 'demand', start: async () => undefined, stop: () => this.served.demand.stop() },
      { name: 'pauses', start: () => this.#pauses.start(), stop: () => this.#pauses.stop() },
      { name: 'builder', start: () => this.#startBuilder(), stop: async () => this.#canary?.stop() },
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
    this.#packages?.tick()
    this.#canary?.tick()
    this.served.observer.tick()
    this.served.demand.tick()
    if (this.#pauses.tick()) this.#onOver('finished')
  }

  /** What keeps this machine from building that is on no board: failures of its own. */
  #trouble(): readonly PauseView[] {
    const note = this.#desk?.paused()
    if (note?.cause !== 'trouble') return []
    const sinceMs = Math.round(this.#parts.clock.wallMs() - note.elapsedMs)
    return [{ cause: note.cause, reason: note.reason, sinceMs }]
  }

  async #startBuilder(): Promise<void> {
    const { mesh, upstream, clock, log, onProgress } = this.#parts
    const setup = await (this.#parts.setupBuilder ?? setupBuilder)(this.#config, {
      upstream,
      clock,
      log,
      onProgress,
      blobs: mesh.store,
      indexUrl: (job) => this.#indexFor(job),
      mayRemember: (job) => !this.#isStaged(job)
    })
    this.#setup = setup
    await this.#pauses.watch(setup)
    this.#startDesk(setup)
    if (setup.packages !== undefined) {
      const onChange = (): Promise<void> => this.#introduce(setup)
      const watch = { clock, log, packages: setup.packages, onChange }
      this.#packages = new PackageWatch(watch, await setup.packages.names())
    }
    const introduced = this.#introduce(setup)
    // Others are asked first how far this node's feed went; to serve, and to witness, it need not wait for that.
    if (!mesh.ledger.isWaiting()) await introduced
    else
      introduced.catch((error: unknown) => {
        log.warn('this node could not introduce itself', { error: messageOf(error) })
      })
  }

  /** Claims wait for the canary; to serve, and to witness, the node does not. */
  #startDesk(setup: BuilderSetup): void {
    const { builder, canary } = setup
    if (builder === undefined) return
    const begin = (): void => {
      this.#desk = this.#createDesk(builder, setup)
    }
    if (canary === undefined) {
      begin()
      return
    }
    const { clock, log } = this.#parts
    const { board } = this.#pauses
    this.#canary = new CanaryWatch({ canary, board, clock, log, dataDir: this.#config.dataDir })
    void this.#canary.first().then((isRunning) => {
      if (isRunning) begin()
    })
  }

  #createDesk(builder: NonNullable<BuilderSetup['builder']>, { targets }: BuilderSetup): WorkDesk {
    const { mesh, clock, log, random, boot } = this.#parts
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
        capacity: () => this.#pauses.capacity(),
        limits: () => limitsOf(this.#config),
        noRoom: () => mesh.keeper.trouble(),
        paused: () => this.#pauses.note()
      },
      { self: mesh.self, boot, targets: targets.map(({ id }) => id), slots: this.#config.slots }
    )
  }

  /** An atomic batch is built against what it made so far, which the index does not list yet. */
  #indexFor(job: Job): string {
    const { served } = this
    return this.#isStaged(job) ? served.stagedUrl() : served.indexUrl()
  }

  #isStaged({ project, version, target }: Job): boolean {
    return this.#parts.mesh.board.batches.usesStaged(jobId(project, version, target))
  }

  /** Tells the mesh who this node is, when that is news. */
  async #introduce(setup: BuilderSetup): Promise<void> {
    const { mesh } = this.#parts
    const config = this.#config
    // The founding document opens the founder's feed, for whoever reads the ledger without having joined by it.
    const { genesis } = mesh.state
    if (mesh.ledger.entryCount() === 0 && genesis.roots.includes(mesh.self)) await mesh.ledger.append(genesis)
    const before = mesh.state.nodes.get(mesh.self)
    const packages = (await setup.packages?.names()) ?? []
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
      ...(setup.builder === undefined ? {} : { limits: limitsOf(config) }),
      ...(packages.length > 0 && { packages })
    }
    if (JSON.stringify(before) === JSON.stringify(record)) return
    // Later than what it said before, whatever the clock says now.
    const saidMs = Math.max(this.#parts.clock.wallMs(), record.saidMs + 1)
    await mesh.ledger.append({ ...record, saidMs })
  }

  async #act(action: NodeAction, request: PauseRequest): Promise<void> {
    if (action === 'pause') await this.#pauses.pause(request)
    else if (action === 'finish') this.#pauses.finish()
    else if (action === 'leave') {
      this.#isLeaving = true
      await this.#leave()
    } else {
      await this.#pauses.resume()
      this.#desk?.resume()
    }
  }

  async #leave(): Promise<void> {
    const { mesh, log } = this.#parts
    await this.#desk?.stop()
    await mesh.ledger
      .append({ kind: 'revoke', subject: mesh.self, reason: 'its owner took it out of the mesh' })
      .catch((error: unknown) => {
        log.error('the mesh could not be told that this node leaves', { error: messageOf(error) })
      })
    this.#onOver('left')
  }

  async #sayGoodbye(): Promise<void> {
    await sayGoodbye(this.#parts.clock, this.#parts.mesh.coordination, this.#desk)
  }
}
