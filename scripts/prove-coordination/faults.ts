import { setTimeout as sleep } from 'node:timers/promises'
import type { BuildEvent } from '../../test/support/fake-builder.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { eventually, type Fleet } from './fleet.ts'
import type { Cut, Loss } from './judge.ts'
import type { MeshNetwork } from './mesh-network.ts'

/** How long each fault lasts. */
export interface FaultTimes {
  /** A killed or stopped node comes back after this. */
  readonly awayMs: number
  /** SIGSTOP: two leases are 20 s. */
  readonly pausedMs: number
  readonly cutMs: number
  /** Between two faults, all being well. */
  readonly calmMs: number
}

export interface Faults {
  readonly losses: readonly Loss[]
  readonly cut: Cut
  /** Builds that each half began while it was cut. */
  readonly begunInHalves: readonly [number, number]
}

type Say = (text: string) => void

export interface FaultPlanOptions {
  readonly times: FaultTimes
  /** Once all have ended, nothing can be expected to begin. */
  readonly jobs: number
  readonly say: Say
}

/** An election after a promise ran out, on a machine that is busy with eight nodes and whatever else. */
const TAKEN_OVER_SECONDS = 120
/** Connections that died unheard are noticed, dialled again with back-off, and the ledgers compared. */
const MERGED_SECONDS = 300
const CONNECTED_SECONDS = 120

/** Takes coordinators away in every way there is, then cuts the mesh in two, while builds go on. */
export class FaultPlan {
  readonly #fleet: Fleet
  readonly #network: MeshNetwork
  readonly #times: FaultTimes
  readonly #say: Say
  readonly #jobs: number
  readonly #losses: Loss[] = []

  constructor(fleet: Fleet, network: MeshNetwork, { times, say, jobs }: FaultPlanOptions) {
    this.#fleet = fleet
    this.#network = network
    this.#times = times
    this.#say = say
    this.#jobs = jobs
  }

  async run(): Promise<Faults> {
    await this.#killed()
    await this.#calm()
    await this.#paused()
    await this.#calm()
    await this.#stopped()
    await this.#calm()
    const cut = await this.#cut()
    return { losses: this.#losses, ...cut }
  }

  async #killed(): Promise<void> {
    const node = await this.#coordinator()
    this.#lose('kill -9', node)
    await node.kill()
    await this.#takenOver(node)
    await sleep(this.#times.awayMs)
    await this.#back(node)
  }

  async #paused(): Promise<void> {
    const node = await this.#coordinator()
    const untilMs = performance.now() + this.#times.pausedMs
    this.#lose('SIGSTOP', node)
    this.#fleet.pause(node)
    await this.#takenOver(node)
    await sleep(Math.max(0, untilMs - performance.now()))
    this.#fleet.resume(node)
    this.#say(`${node.name} goes on after its pause`)
    await this.#connected()
  }

  async #stopped(): Promise<void> {
    const node = await this.#coordinator()
    this.#lose('SIGTERM', node)
    await node.stop('SIGTERM')
    await this.#takenOver(node)
    await sleep(this.#times.awayMs)
    await this.#back(node)
  }

  async #cut(): Promise<Pick<Faults, 'cut' | 'begunInHalves'>> {
    const fleet = this.#fleet
    await this.#coordinator()
    const halves = ([0, 1] as const).map((half) => fleet.nodes.filter((node) => fleet.half(node) === half))
    const fromMs = Date.now()
    this.#network.cut()
    this.#say(
      `the mesh is cut: ${halves.map((nodes) => nodes.map(({ name }) => name).join(' ')).join(' | ')}`
    )
    await sleep(this.#times.cutMs)
    this.#network.heal()
    const healedMs = Date.now()
    this.#say('the mesh is healed')
    const begun = halves.map((nodes) => begunBetween(fleet, nodes, [fromMs, healedMs]))
    await eventually('one coordinator again', MERGED_SECONDS, () => fleet.coordinator())
    const mergedMs = Date.now()
    this.#say(`one coordinator again, ${seconds(mergedMs - healedMs)} after`)
    await this.#connected()
    const [left = [], right = []] = halves
    return {
      cut: {
        fromMs,
        healedMs,
        mergedMs,
        halves: Object.fromEntries(fleet.nodes.map((node) => [node.name, fleet.half(node)])),
        ids: [left.map((node) => fleet.idOf(node)), right.map((node) => fleet.idOf(node))]
      },
      begunInHalves: [begun[0] ?? 0, begun[1] ?? 0]
    }
  }

  #lose(how: Loss['how'], node: NodeProcess): void {
    this.#losses.push({ how, node: node.name, id: this.#fleet.idOf(node), atMs: Date.now() })
    this.#say(`${how} to the coordinator, ${node.name}`)
  }

  /** Another one is in office and builds begin again, or there is nothing left to build. */
  async #takenOver(lost: NodeProcess): Promise<void> {
    const sinceMs = Date.now()
    const next = await eventually('another coordinator', TAKEN_OVER_SECONDS, async () => {
      const node = await this.#fleet.coordinator()
      return node === lost ? undefined : node
    })
    const namedMs = Date.now()
    this.#say(`${next.name} coordinates, ${seconds(namedMs - sinceMs)} after`)
    await eventually('builds begin again', TAKEN_OVER_SECONDS, async () => {
      const events = this.#fleet.events()
      const ended = new Set(events.filter(isEnd).map(({ job }) => job))
      return ended.size >= this.#jobs || events.some(({ event, atMs }) => event === 'begun' && atMs > namedMs)
    })
  }

  async #back(node: NodeProcess): Promise<void> {
    await node.start()
    this.#say(`${node.name} is back`)
    await this.#connected()
  }

  async #connected(): Promise<void> {
    await eventually('all connected', CONNECTED_SECONDS, () => this.#fleet.isConnected())
  }

  #coordinator(): Promise<NodeProcess> {
    return eventually('a coordinator that all name', TAKEN_OVER_SECONDS, () => this.#fleet.coordinator())
  }

  async #calm(): Promise<void> {
    await sleep(this.#times.calmMs)
  }
}

function isEnd({ event }: BuildEvent): boolean {
  return event === 'built' || event === 'failed'
}

function begunBetween(
  fleet: Fleet,
  nodes: readonly NodeProcess[],
  [fromMs, toMs]: readonly [number, number]
): number {
  return fleet.events(nodes).filter(({ event, atMs }) => event === 'begun' && atMs > fromMs && atMs <= toMs)
    .length
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
