import type { Config } from '../../config/load-config.ts'
import type { Capacity, PausedNote } from '../../core/coordination.ts'
import type { Clock, Log } from '../../core/ports.ts'
import type { NodeModeView, PauseRequest, PauseView } from '../../http/api-types.ts'
import type { Mesh } from '../create-mesh.ts'
import { limitsOf } from '../describe-machine.ts'
import type { BuilderSetup } from '../setup-builder.ts'
import { diskWatches } from './disk-watches.ts'
import { createMachineReadings, type MachineReadings } from './machine-readings.ts'
import { MachineWatch } from './machine-watch.ts'
import { machineWatches } from './machine-watches.ts'
import { OwnerPause } from './owner-pause.ts'
import { PauseBoard } from './pause-board.ts'
import { PeerClocks } from './peer-clocks.ts'
import { programMadeMs } from './program-made.ts'

/** What runs here, and how to end it. */
export interface PausedWork {
  running(): readonly unknown[]
  giveBack(): Promise<void>
}

export interface NodePausesParts {
  readonly mesh: Pick<Mesh, 'self' | 'ledger' | 'storage' | 'keeper'>
  readonly clock: Clock
  readonly log: Log
  /** Undefined while nothing can run. */
  work(): PausedWork | undefined
  readonly readings?: MachineReadings
}

/** When this node begins builds and when not: what its owner asks for, and what the machine says. */
export class NodePauses {
  readonly board: PauseBoard
  readonly #config: Config
  readonly #parts: NodePausesParts
  readonly #owner: OwnerPause
  readonly #readings: MachineReadings
  readonly #clocks: PeerClocks
  #watch: MachineWatch | undefined
  /** Free where builds happen, less what must stay free; undefined: not looked at yet. */
  #buildRoomBytes: number | undefined
  #isFinishing = false

  constructor(config: Config, parts: NodePausesParts) {
    const { clock, log, mesh } = parts
    this.#config = config
    this.#parts = parts
    this.board = new PauseBoard({ clock, log })
    this.#owner = new OwnerPause({
      dataDir: config.dataDir,
      clock,
      log,
      board: this.board,
      madeMs: programMadeMs()
    })
    this.#readings = parts.readings ?? createMachineReadings()
    this.#clocks = new PeerClocks(clock, mesh.self)
    mesh.ledger.onEntry((entry) => {
      this.#clocks.heard(entry)
    })
  }

  /** Before anything is built: what held when the node stopped holds now. */
  async start(): Promise<void> {
    await this.#owner.load()
  }

  /** From now on the machine is looked at; the first look is over when this resolves. */
  async watch({ buildRoot, trySandbox }: Pick<BuilderSetup, 'buildRoot' | 'trySandbox'>): Promise<void> {
    const { clock, log, mesh } = this.#parts
    const { dataDir, minFree, caps } = this.#config
    const readings = this.#readings
    this.#watch = new MachineWatch({
      clock,
      log,
      board: this.board,
      watches: [
        ...diskWatches({
          clock,
          readings,
          dataDir,
          buildRoot,
          minFree,
          onBuildRoom: (bytes) => {
            this.#buildRoomBytes = Math.max(0, bytes)
          },
          roomTrouble: () => mesh.keeper.trouble(),
          storageTrouble: () => mesh.storage.view().trouble
        }),
        ...machineWatches({
          clock,
          readings,
          caps,
          madeMs: programMadeMs(),
          isBuilding: () => this.#isBuilding(),
          behindMs: () => this.#clocks.behindMs(),
          trySandbox
        })
      ]
    })
    await this.#watch.start()
  }

  async stop(): Promise<void> {
    await this.#watch?.stop()
  }

  /** True when the owner asked to finish, and nothing runs any more. */
  tick(): boolean {
    this.#owner.tick()
    return this.#isFinishing && !this.#isBuilding()
  }

  /** No claim is asked for while there is one; the weightiest of several. */
  note(): PausedNote | undefined {
    if (!this.#isFinishing) return this.board.note()
    return { cause: 'owner', reason: 'it finishes what it builds, and stops then', elapsedMs: 0 }
  }

  mode(): NodeModeView {
    if (this.#isFinishing) return 'finishing'
    return this.board.all().length > 0 ? 'paused' : 'running'
  }

  views(): readonly PauseView[] {
    const { clock } = this.#parts
    return this.board.all().map(({ cause, reason, sinceMs, untilMs }) => ({
      cause,
      reason,
      sinceMs: Math.round(clock.wallMs() - (clock.monotonicMs() - sinceMs)),
      ...(untilMs !== undefined && { untilMs })
    }))
  }

  async pause({ forMs, reason = '', now = false }: PauseRequest): Promise<void> {
    await this.#owner.begin({ reason, forMs })
    this.#isFinishing = false
    if (now) await this.#parts.work()?.giveBack()
  }

  finish(): void {
    this.#isFinishing = true
  }

  async resume(): Promise<void> {
    this.#isFinishing = false
    await this.#owner.end()
  }

  /** What a build may take here now. */
  capacity(): Capacity {
    const { longestJobMs } = this.#config.caps
    const limits = limitsOf(this.#config)
    const diskBytes = Math.min(limits.diskBytes, this.#buildRoomBytes ?? limits.diskBytes)
    return { ...limits, diskBytes, ...(longestJobMs > 0 && { longestMs: longestJobMs }) }
  }

  #isBuilding(): boolean {
    return (this.#parts.work()?.running().length ?? 0) > 0
  }
}
