import type { CoordinationMessage } from '../core/coordination.ts'
import { sha256Hex } from '../core/digest.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import { ROLES, type GenesisRecord, type InviteTerms } from '../core/record.ts'
import type { ProtocolRules } from '../scheduler/protocol-rules.ts'
import { BuildChecker } from './build-checker.ts'
import { LeaseChecker } from './lease-checker.ts'
import { Dice } from './seeded-random.ts'
import { simBuilder } from './sim-builder.ts'
import { EntryRegistry } from './sim-codec.ts'
import { SimLibrary } from './sim-library.ts'
import { SimMachine, type MachineFacts } from './sim-machine.ts'
import { SimNetwork, type Weather } from './sim-network.ts'
import { SimProcess, type MeshFacts } from './sim-process.ts'
import { admissionOf } from './sim-records.ts'
import { SimUpstream } from './sim-upstream.ts'
import { Violations } from './violations.ts'
import type { World } from './world.ts'

export interface SimMeshOptions {
  readonly seed: number
  readonly weather: Weather
  readonly roots: readonly NodeId[]
  readonly rules?: ProtocolRules
  readonly sizeOf?: (message: CoordinationMessage) => number
}

/** After this long a newcomer asks whether it was let in. */
const ADMISSION_MS = 10_000
/** A program that could not start is started again after this. */
const RESTART_MS = 10_000
/** Some hundred bytes on the wire, when nobody says better. */
const MESSAGE_BYTES = 300

/** Everything that one run consists of: machines and what runs on them, the network between, upstream, and who watches. */
export class SimMesh {
  readonly world: World
  readonly network: SimNetwork
  readonly upstream = new SimUpstream()
  readonly machines: SimMachine[] = []
  readonly violations: Violations
  readonly leases: LeaseChecker
  readonly builds: BuildChecker
  readonly #options: SimMeshOptions
  readonly #registry = new EntryRegistry()
  readonly #library = new SimLibrary()
  readonly #facts: MeshFacts
  readonly #running = new Map<SimMachine, SimProcess>()
  readonly #killListeners: ((process: SimProcess) => void)[] = []

  constructor(world: World, options: SimMeshOptions) {
    this.world = world
    this.#options = options
    this.violations = new Violations(
      () => world.nowMs(),
      (line) => {
        world.tell(line)
      }
    )
    this.leases = new LeaseChecker(world, () => this.network, this.violations)
    this.builds = new BuildChecker(world, () => this.network, this.violations)
    this.network = new SimNetwork(
      {
        world,
        dice: new Dice(options.seed, 'network'),
        sizeOf: options.sizeOf ?? (() => MESSAGE_BYTES),
        watcher: {
          onSent: (from, _to, message) => {
            this.leases.sent(from, message)
          },
          onDelivered: (from, to, message) => {
            this.leases.delivered(from, to, message)
            this.builds.delivered(to, message)
          },
          onBelieved: (to, message) => {
            this.builds.believed(to, message)
          },
          onStep: (process) => {
            this.leases.stepped(process)
          }
        }
      },
      options.weather
    )
    this.#facts = factsOf(options)
  }

  addMachine(facts: MachineFacts): SimMachine {
    const machine = new SimMachine(this.world, facts, new Dice(this.#options.seed, facts.id))
    this.machines.push(machine)
    return machine
  }

  /** Starts the node's program on a machine. */
  boot(machine: SimMachine): SimProcess {
    const process = new SimProcess({
      machine,
      world: this.world,
      network: this.network,
      registry: this.#registry,
      library: this.#library,
      upstream: this.upstream.clientOf(machine),
      mesh: this.#facts,
      builderFor: (one) =>
        simBuilder(one, this.upstream, {
          onBegin: (builder, job) => {
            this.builds.began(builder, job)
          },
          onEnd: (builder, job) => {
            this.builds.ended(builder, job)
          }
        }),
      onPublished: (one, result) => {
        this.builds.published(one, result)
      },
      onRefused: (one, what) => {
        this.violations.add('no-error', `${one.id} refused ${what}`)
      }
    })
    this.#running.set(machine, process)
    this.world.tell(`${machine.id} starts`)
    this.#watch('a start', this.#start(machine, process))
    return process
  }

  /** On a full disk the program ends with an error, and whoever looks after it starts it again. */
  async #start(machine: SimMachine, process: SimProcess): Promise<void> {
    try {
      await process.start()
    } catch (error) {
      if (!machine.disk.full) throw error
      this.kill(process)
      this.world.at(RESTART_MS, () => {
        if (machine.process === undefined && !machine.hasLeft) this.boot(machine)
      })
    }
  }

  /** Some member writes the newcomer's admission; as a person would, another one is asked when that came to nothing. */
  admit(machine: SimMachine, sponsor: SimProcess): void {
    sponsor.append(admissionOf(machine.id, this.#facts.genesis.roots[0] ?? sponsor.id))
    this.world.at(ADMISSION_MS, () => {
      const others = this.awake().filter((process) => process.machine !== machine && !process.machine.hasLeft)
      const knowing = others.filter(({ state }) => state.membership.isMember(machine.id))
      const next = machine.dice.pick(others)
      if (knowing.length < 2 && !machine.hasLeft && next !== undefined) this.admit(machine, next)
    })
  }

  /** As Ctrl-C. Resolves when the process is gone. */
  async stop(process: SimProcess): Promise<void> {
    this.world.tell(`${process.id} is asked to stop`)
    const stopping = process.stop()
    this.#watch('a stop', stopping)
    await stopping
  }

  /** Runs right before a process is killed. */
  onKill(listener: (process: SimProcess) => void): void {
    this.#killListeners.push(listener)
  }

  kill(process: SimProcess): void {
    for (const listener of this.#killListeners) listener(process)
    const lost = process.kill()
    this.world.tell(`${process.id} is killed; ${lost} entries were not on its disk yet`)
  }

  /** What runs on a machine, if anything does. */
  processOn(machine: SimMachine): SimProcess | undefined {
    const process = this.#running.get(machine)
    return process?.alive === true ? process : undefined
  }

  /** Processes that run and do not stand still. */
  awake(): readonly SimProcess[] {
    return this.machines.flatMap((machine) => (machine.isPaused() ? [] : (this.processOn(machine) ?? [])))
  }

  #watch(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.violations.add(
        'no-error',
        `${what} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
      )
    })
  }
}

function factsOf({ seed, roots, rules }: SimMeshOptions): MeshFacts {
  const meshId = sha256Hex(`mesh of seed ${seed}`) as string as MeshId
  const genesis: GenesisRecord = {
    kind: 'genesis',
    name: `seed ${seed}`,
    roots,
    policy: { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' },
    createdMs: 0,
    nonce: String(seed)
  }
  const terms: InviteTerms = {
    meshId,
    inviteKey: new Uint8Array(32),
    uses: 1_000_000,
    expiresMs: Number.MAX_SAFE_INTEGER,
    roles: ROLES.filter((role) => role !== 'keeper'),
    level: 'trusted'
  }
  return { meshId, genesis, terms, ...(rules === undefined ? {} : { rules }) }
}
