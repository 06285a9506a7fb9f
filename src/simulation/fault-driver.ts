import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS } from '../core/limits.ts'
import { Dice } from './seeded-random.ts'
import type { Fault, SeedPlan } from './seed-plan.ts'
import type { MachineFacts, SimMachine } from './sim-machine.ts'
import type { SimMesh } from './sim-mesh.ts'
import type { SimProcess } from './sim-process.ts'

/** Never so many nodes at once that nobody is left. */
const MAX_ABSENT_SHARE = 0.5
const MAX_JOINS = 12
const MAX_FLAPS = 6
const DAY_MS = 86_400_000

/** Lets things go wrong as the plan says, and puts them right in the end. */
export class FaultDriver {
  readonly #mesh: SimMesh
  readonly #plan: SeedPlan
  readonly #dice: Dice
  readonly #acts: Readonly<Record<Fault, () => void>>
  #joined = 0
  #isOver = false

  constructor(mesh: SimMesh, plan: SeedPlan) {
    this.#mesh = mesh
    this.#plan = plan
    this.#dice = new Dice(plan.seed, 'faults')
    this.#acts = {
      crash: this.#crash.bind(this, 'anybody'),
      'power-cut-of-coordinator': this.#crash.bind(this, 'coordinator'),
      pause: this.#pause.bind(this),
      'graceful-stop': this.#stop.bind(this),
      'slow-node': this.#slow.bind(this),
      partition: this.#partition.bind(this),
      'flapping-partition': this.#flap.bind(this, MAX_FLAPS),
      'one-way-link': this.#block.bind(this),
      'deaf-node': this.#deafen.bind(this),
      'clock-jump': this.#jump.bind(this),
      'slow-disk': this.#disk.bind(this, 'slow'),
      'full-disk': this.#disk.bind(this, 'full'),
      'bulk-join': this.#join.bind(this),
      'bulk-leave': this.#leave.bind(this),
      'upstream-outage': this.#outage.bind(this)
    }
  }

  start(): void {
    for (const fault of this.#plan.faults) this.#schedule(fault)
  }

  /** From now on nothing goes wrong any more: cuts heal, the stopped go on, the dead come back. */
  end(): void {
    this.#isOver = true
    const { network, machines, upstream, world } = this.#mesh
    world.tell('all faults are over')
    network.topology.healAll(world.nowMs())
    network.weather = { ...network.weather, loss: 0, gossipLoss: 0, duplication: 0, spikes: 0 }
    upstream.isDown = false
    for (const machine of machines) {
      network.setDeaf(machine.id, false)
      machine.disk.full = false
      machine.disk.slowness = 1
      machine.lagMs = 0
      machine.resume()
      if (machine.process === undefined && !machine.hasLeft) this.#mesh.boot(machine)
    }
    network.changed()
  }

  #schedule(fault: Fault): void {
    this.#mesh.world.at(this.#dice.exponential(this.#plan.faultEveryMs), () => {
      if (this.#isOver) return
      this.#acts[fault]()
      this.#schedule(fault)
    })
  }

  /** Later, unless the faults are over by then. */
  #after(inMs: number, run: () => void): void {
    this.#mesh.world.at(inMs, () => {
      if (!this.#isOver) run()
    })
  }

  #victim(): SimMachine | undefined {
    const awake = this.#mesh.awake()
    const members = this.#mesh.machines.filter(({ hasLeft }) => !hasLeft)
    if (awake.length <= members.length * (1 - MAX_ABSENT_SHARE)) return undefined
    return this.#dice.pick(awake)?.machine
  }

  #coordinator(): SimMachine | undefined {
    const holders = this.#mesh.awake().flatMap((process) => {
      const nowMs = process.machine.clock.monotonicMs()
      return [...process.engine.coordination.shards()].some((shard) => shard.hasAuthority(nowMs))
        ? [process]
        : []
    })
    const chosen = this.#dice.pick(holders)
    return this.#victim() === undefined ? undefined : chosen?.machine
  }

  #crash(who: 'anybody' | 'coordinator'): void {
    const machine = who === 'anybody' ? this.#victim() : this.#coordinator()
    const process = machine && this.#mesh.processOn(machine)
    if (machine === undefined || process === undefined) return
    this.#mesh.kill(process)
    this.#bootLater(machine, this.#dice.chance(0.5) ? 2_000 : this.#dice.between(2_000, 240_000))
  }

  #bootLater(machine: SimMachine, inMs: number): void {
    this.#after(inMs, () => {
      if (machine.process === undefined && !machine.hasLeft) this.#mesh.boot(machine)
    })
  }

  #pause(): void {
    const machine = this.#dice.chance(0.5) ? this.#coordinator() : this.#victim()
    if (machine?.process === undefined) return
    const forMs = this.#dice.chance(0.5)
      ? this.#dice.between(2, 3) * PROMISE_MS
      : this.#dice.exponential(40_000)
    this.#mesh.world.tell(`${machine.id} is stopped for ${Math.round(forMs / 1000)} s`)
    machine.pause()
    this.#after(forMs, () => {
      this.#mesh.world.tell(`${machine.id} goes on`)
      machine.resume()
    })
  }

  #stop(): void {
    const machine = this.#dice.chance(0.5) ? this.#coordinator() : this.#victim()
    const process = machine && this.#mesh.processOn(machine)
    if (machine === undefined || process === undefined) return
    void this.#mesh.stop(process).then(() => {
      this.#bootLater(machine, this.#dice.between(1_000, 120_000))
    })
  }

  #slow(): void {
    const machine = this.#victim()
    if (machine === undefined) return
    machine.lagMs = this.#dice.between(50, 2_000)
    this.#mesh.world.tell(`${machine.id} is slow by up to ${Math.round(machine.lagMs)} ms`)
    this.#after(this.#dice.between(10_000, 120_000), () => {
      machine.lagMs = 0
    })
  }

  #jump(): void {
    this.#victim()?.clock.jump(this.#dice.between(-5 * DAY_MS, DAY_MS / 8))
  }

  #partition(): void {
    this.#cut(this.#dice.between(15_000, 120_000))
  }

  #cut(forMs: number): void {
    const { network, world, machines } = this.#mesh
    if (network.topology.isCut()) return
    const parts = this.#dice.whole(2, 3)
    const partOf = new Map<NodeId, number>(machines.map(({ id }) => [id, this.#dice.whole(0, parts - 1)]))
    network.topology.cut(partOf, world.nowMs())
    network.changed()
    world.tell(`cut into ${parts}: ${[...partOf].map(([id, part]) => `${id.slice(-2)}:${part}`).join(' ')}`)
    this.#after(forMs, () => {
      this.#heal()
    })
  }

  #heal(): void {
    const { network, world } = this.#mesh
    network.topology.heal(world.nowMs())
    network.changed()
    world.tell('the cut heals')
  }

  #flap(times: number): void {
    if (times === 0) return
    this.#cut(3_000)
    this.#after(6_000, () => {
      this.#flap(times - 1)
    })
  }

  #block(): void {
    const { network, world, machines } = this.#mesh
    const [from, to] = this.#dice.some(machines, 2)
    if (from === undefined || to === undefined) return
    network.topology.block(from.id, to.id, world.nowMs())
    network.changed()
    world.tell(`nothing gets from ${from.id} to ${to.id}`)
    this.#after(this.#dice.between(10_000, 180_000), () => {
      network.topology.unblock(from.id, to.id, world.nowMs())
      network.changed()
    })
  }

  #deafen(): void {
    const machine = this.#victim()
    if (machine === undefined) return
    const { network, world } = this.#mesh
    network.setDeaf(machine.id, true)
    world.tell(`no gossip gets to ${machine.id}`)
    this.#after(this.#dice.between(10_000, 150_000), () => {
      network.setDeaf(machine.id, false)
    })
  }

  #disk(what: 'slow' | 'full'): void {
    const machine = this.#victim()
    if (machine === undefined) return
    this.#mesh.world.tell(`the disk of ${machine.id} is ${what}`)
    if (what === 'full') machine.disk.full = true
    else machine.disk.slowness = this.#dice.between(5, 40)
    this.#after(this.#dice.between(10_000, 90_000), () => {
      machine.disk.full = false
      machine.disk.slowness = 1
    })
  }

  #join(): void {
    for (let i = this.#dice.whole(1, 6); i > 0 && this.#joined < MAX_JOINS; i--) {
      const sponsor = this.#dice.pick(this.#mesh.awake())
      const like = this.#dice.pick(this.#plan.machines)
      if (sponsor === undefined || like === undefined) return
      const facts: MachineFacts = { ...like, id: `late-${String(++this.#joined).padStart(2, '0')}` as NodeId }
      const machine = this.#mesh.addMachine(facts)
      this.#mesh.admit(machine, sponsor)
      this.#mesh.boot(machine)
    }
  }

  #leave(): void {
    const { machines } = this.#mesh
    const here = machines.filter(({ hasLeft }) => !hasLeft).length
    const going = this.#dice.some(
      this.#mesh.awake().filter(({ id }) => !id.endsWith('00')),
      this.#dice.whole(1, 4)
    )
    for (const process of going.slice(0, Math.max(0, here - 8))) this.#leaves(process)
  }

  #leaves(process: SimProcess): void {
    const { machine, id } = process
    machine.hasLeft = true
    this.#mesh.world.tell(`${id} leaves the mesh`)
    void process.ledger
      .append({ kind: 'revoke', subject: id, reason: 'it left' })
      .catch(() => undefined)
      .then(() => (process.alive ? this.#mesh.stop(process) : undefined))
  }

  #outage(): void {
    this.#mesh.upstream.isDown = true
    this.#mesh.world.tell('upstream is down')
    this.#after(this.#dice.between(5_000, 120_000), () => {
      this.#mesh.upstream.isDown = false
    })
  }
}
