import type { NodeId } from '../core/ids.ts'

/** A time during which some messages could not go from one node to another. */
interface Disturbance {
  readonly fromMs: number
  untilMs: number
  /** Parts beyond the first. */
  readonly parts: number
  separates(a: NodeId, b: NodeId): boolean
}

/** Who can send to whom now, and who could not at which time: nodes fall into parts, and single directions fail. */
export class Topology {
  #parts: ReadonlyMap<NodeId, number> = new Map()
  readonly #oneWay = new Map<string, Disturbance>()
  readonly #history: Disturbance[] = []
  #partition: Disturbance | undefined
  #version = 0

  /** Grows with each change. */
  version(): number {
    return this.#version
  }

  canSend(from: NodeId, to: NodeId): boolean {
    return this.#partOf(from) === this.#partOf(to) && !this.#oneWay.has(`${from}>${to}`)
  }

  isCut(): boolean {
    return this.#partition !== undefined
  }

  /** Cuts the mesh into parts; a node in none of them is in part 0. Replaces the cut before. */
  cut(parts: ReadonlyMap<NodeId, number>, nowMs: number): void {
    this.heal(nowMs)
    this.#parts = parts
    const partOf = (node: NodeId): number => parts.get(node) ?? 0
    this.#partition = {
      fromMs: nowMs,
      untilMs: Infinity,
      parts: new Set([0, ...parts.values()]).size - 1,
      separates: (a, b) => partOf(a) !== partOf(b)
    }
    this.#history.push(this.#partition)
    this.#version++
  }

  heal(nowMs: number): void {
    if (this.#partition !== undefined) this.#partition.untilMs = nowMs
    this.#partition = undefined
    this.#parts = new Map()
    this.#version++
  }

  block(from: NodeId, to: NodeId, nowMs: number): void {
    const key = `${from}>${to}`
    if (this.#oneWay.has(key)) return
    const separates = (a: NodeId, b: NodeId): boolean => (a === from && b === to) || (a === to && b === from)
    const disturbance = { fromMs: nowMs, untilMs: Infinity, parts: 1, separates }
    this.#oneWay.set(key, disturbance)
    this.#history.push(disturbance)
    this.#version++
  }

  unblock(from: NodeId, to: NodeId, nowMs: number): void {
    const disturbance = this.#oneWay.get(`${from}>${to}`)
    if (disturbance === undefined) return
    disturbance.untilMs = nowMs
    this.#oneWay.delete(`${from}>${to}`)
    this.#version++
  }

  healAll(nowMs: number): void {
    this.heal(nowMs)
    for (const key of [...this.#oneWay.keys()]) {
      const [from = '', to = ''] = key.split('>')
      this.unblock(from as NodeId, to as NodeId, nowMs)
    }
  }

  /** How often two of these nodes were kept apart at some time since then, a cut into three parts counting twice. */
  separations(nodes: readonly NodeId[], sinceMs: number): number {
    const cuts = this.#history.filter(
      (one) =>
        one.untilMs >= sinceMs && nodes.some((a, at) => nodes.slice(at + 1).some((b) => one.separates(a, b)))
    )
    return cuts.reduce((sum, { parts }) => sum + parts, 0)
  }

  #partOf(node: NodeId): number {
    return this.#parts.get(node) ?? 0
  }
}
