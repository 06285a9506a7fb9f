import { setTimeout as sleep } from 'node:timers/promises'
import type { Sha256 } from '../../src/core/ids.ts'
import { StartFailure, type NodeProcess } from '../../test/support/spawn-node.ts'
import { hasBlob, storedDigest, type KeptBlob } from './blobs-on-disk.ts'
import { moveDatabaseAway } from './damage.ts'
import type { Disaster } from './disaster.ts'
import { differences, servedBodies, troubleWithFiles, type Bodies, type ServedFile } from './served.ts'
import { want } from './want.ts'

export interface RevivalPlan {
  readonly nodes: readonly NodeProcess[]
  readonly disaster: Disaster
  readonly ticket: string
  /** What is to come back. */
  readonly baseline: Bodies
  readonly projects: readonly string[]
  /** Asked for on all nodes while they recover; copies of the others are counted, which nobody asks for. */
  readonly asked: readonly ServedFile[]
  readonly counted: readonly KeptBlob[]
  /** How many copies of each is to be there in minutes. */
  readonly copiesOf: (blob: KeptBlob) => number
  /** Wanted through each node that lost something, the moment it is up. */
  readonly wants: Readonly<Record<string, string>>
  readonly say: (text: string) => void
}

/** Milliseconds since all nodes were started; undefined: not within {@link RECOVERY_SECONDS}. */
export interface Revival {
  readonly upMs: Readonly<Record<string, number>>
  readonly indexMs: number | undefined
  readonly filesMs: number | undefined
  readonly copiesMs: number | undefined
  /** Answers with wrong bytes on the way. */
  readonly wrongAnswers: number
  readonly violations: readonly string[]
}

/** Minutes, on a machine that runs all five. */
const RECOVERY_SECONDS = 150
/** A ticket names members that may not be up yet. */
const JOIN_SECONDS = 60
const POLL_MS = 500
/** Between two words about what is still missing. */
const TELL_MS = 20_000

/** Starts all nodes at once, and watches what comes back and when. */
export async function revive(plan: RevivalPlan): Promise<Revival> {
  const revival = new Watch(plan)
  return revival.run()
}

class Watch {
  readonly #plan: RevivalPlan
  readonly #startMs = performance.now()
  readonly #upMs: Record<string, number> = {}
  readonly #violations: string[] = []
  #wrongAnswers = 0

  constructor(plan: RevivalPlan) {
    this.#plan = plan
  }

  async run(): Promise<Revival> {
    const { nodes } = this.#plan
    const [, indexMs, filesMs, copiesMs] = await Promise.all([
      Promise.all(nodes.map((node) => this.#start(node))),
      this.#until('all nodes serve the index as it was', this.#indexTrouble()),
      this.#until('all nodes serve the files that are asked for', this.#filesTrouble()),
      this.#until('every blob has its copies', () => this.#copiesTrouble())
    ])
    return {
      upMs: this.#upMs,
      indexMs,
      filesMs,
      copiesMs,
      wrongAnswers: this.#wrongAnswers,
      violations: this.#violations
    }
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#startMs)
  }

  async #start(node: NodeProcess): Promise<void> {
    const { disaster, say, wants } = this.#plan
    if (node.name === disaster.roles.replaced) await this.#rejoin(node)
    else await this.#startOrCure(node)
    this.#upMs[node.name] = this.#elapsedMs()
    say(`${node.name} is up`)
    const spec = wants[node.name]
    if (spec !== undefined)
      await want(node, [spec]).catch((error: unknown) => {
        this.#violations.push(`${node.name} takes no want when it is up: ${String(error)}`)
      })
  }

  async #startOrCure(node: NodeProcess): Promise<void> {
    try {
      await node.start()
    } catch (error) {
      this.#violations.push(`${node.name} did not start by itself: ${lastWords(error)}`)
      await moveDatabaseAway(node.dataDir)
      await node.start()
    }
  }

  async #rejoin(node: NodeProcess): Promise<void> {
    const endMs = performance.now() + JOIN_SECONDS * 1000
    for (;;) {
      try {
        await node.start(this.#plan.ticket)
        return
      } catch (error) {
        if (!(error instanceof StartFailure) || performance.now() > endMs) throw error
        await sleep(POLL_MS)
      }
    }
  }

  /** Asks until there is no trouble; when it was gone, or undefined when it never was. */
  async #until(what: string, trouble: () => Promise<readonly string[]>): Promise<number | undefined> {
    for (let toldMs = 0; ;) {
      const found = await trouble()
      const ms = this.#elapsedMs()
      if (found.length === 0) {
        this.#plan.say(`${what}, after ${(ms / 1000).toFixed(1)} s`)
        return ms
      }
      if (ms > RECOVERY_SECONDS * 1000) {
        this.#violations.push(`not within ${RECOVERY_SECONDS} s: ${what}; ${found.slice(0, 5).join('; ')}`)
        return undefined
      }
      if (ms - toldMs > TELL_MS) {
        toldMs = ms
        this.#plan.say(`waits until ${what}: ${found.length} are missing, as ${found[0] ?? ''}`)
      }
      await sleep(POLL_MS)
    }
  }

  /** A node that was right once is asked again only when all were. */
  #indexTrouble(): () => Promise<readonly string[]> {
    const { nodes, baseline, projects } = this.#plan
    const right = new Set<NodeProcess>()
    return async () => {
      const open = right.size === nodes.length ? nodes : nodes.filter((node) => !right.has(node))
      const troubles = await Promise.all(
        open.map(async (node) => {
          const bodies = await this.#ask(node, () => servedBodies(node, projects))
          const different = bodies === undefined ? ['it does not answer'] : differences(baseline, bodies)
          if (different.length === 0) right.add(node)
          else right.delete(node)
          return different.map((path) => `${node.name}: ${path}`)
        })
      )
      return troubles.flat().concat(open.length < nodes.length ? ['to be looked at once more'] : [])
    }
  }

  #filesTrouble(): () => Promise<readonly string[]> {
    const open = new Map(this.#plan.nodes.map((node) => [node, this.#plan.asked]))
    return async () => {
      const troubles = await Promise.all(
        [...open].map(async ([node, files]) => {
          const found = await this.#ask(node, () => troubleWithFiles(node, files))
          if (found === undefined) return [`${node.name} does not answer`]
          this.#wrongAnswers += found.filter(({ isWrong }) => isWrong).length
          open.set(
            node,
            found.map(({ file }) => file)
          )
          return found.map(({ trouble }) => trouble)
        })
      )
      return troubles.flat()
    }
  }

  async #copiesTrouble(): Promise<readonly string[]> {
    const { counted, copiesOf } = this.#plan
    const few: string[] = []
    for (const blob of counted) {
      const found = await this.#copiesOf(blob.sha256)
      if (found < copiesOf(blob)) few.push(`${blob.kind} ${blob.sha256.slice(0, 12)} has ${found}`)
    }
    return few
  }

  async #copiesOf(sha256: Sha256): Promise<number> {
    const { nodes, disaster } = this.#plan
    const found = await Promise.all(
      nodes.map(({ name, dataDir }) =>
        name === disaster.roles.flipped && disaster.flippedBlobs.has(sha256)
          ? storedDigest(dataDir, sha256).then((digest) => digest === sha256)
          : hasBlob(dataDir, sha256)
      )
    )
    return found.filter(Boolean).length
  }

  /** A node that is not up has no answer, and one that goes through it all may be slow to give one. */
  async #ask<T>(node: NodeProcess, question: () => Promise<T>): Promise<T | undefined> {
    if (this.#upMs[node.name] === undefined) return undefined
    return question().catch(() => undefined)
  }
}

function lastWords(error: unknown): string {
  const said = error instanceof StartFailure ? error.said : String(error)
  return said.trim().split('\n').slice(-2).join(' ')
}
