import type { CoordinationMessage } from '../core/coordination.ts'

/** Messages of one shape are measured so often; after that their mean is taken. */
const SAMPLES = 8

interface Measured {
  count: number
  bytes: number
}

/** Sizes of messages on the wire, worked out for a few of each shape. */
export class MessageSizes {
  readonly #sizeOf: (message: CoordinationMessage) => number
  readonly #measured = new Map<string, Measured>()

  constructor(sizeOf: (message: CoordinationMessage) => number) {
    this.#sizeOf = sizeOf
  }

  of(message: CoordinationMessage): number {
    const shape = shapeOf(message)
    let known = this.#measured.get(shape)
    if (known === undefined) this.#measured.set(shape, (known = { count: 0, bytes: 0 }))
    if (known.count < SAMPLES) {
      known.count++
      known.bytes += this.#sizeOf(message)
    }
    return known.bytes / known.count
  }
}

/** What a message's size depends on, but for a few bytes. */
function shapeOf(message: CoordinationMessage): string {
  if ('claims' in message) return `${message.kind} ${message.claims.length}`
  return 'running' in message ? `${message.kind} ${message.running.length}` : message.kind
}

/** What all nodes together sent. A message to oneself does not go over the network and is not in here. */
export interface Traffic {
  readonly direct: number
  readonly directBytes: number
  readonly gossiped: number
  /** Each gossiped message once for each node that it got to. */
  readonly heard: number
  readonly heardBytes: number
  /** Entries with results, gossiped as well. */
  readonly entries: number
  readonly byKind: ReadonlyMap<string, number>
}

export class TrafficMeter {
  readonly #byKind = new Map<string, number>()
  #direct = 0
  #directBytes = 0
  #gossiped = 0
  #heard = 0
  #heardBytes = 0
  #entries = 0

  sent({ kind }: CoordinationMessage, bytes: number): void {
    this.#direct++
    this.#directBytes += bytes
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1)
  }

  gossiped({ kind }: CoordinationMessage, bytes: number, nodes: number): void {
    this.#gossiped++
    this.#heard += nodes
    this.#heardBytes += bytes * nodes
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1)
  }

  entry(): void {
    this.#entries++
  }

  now(): Traffic {
    return {
      direct: this.#direct,
      directBytes: this.#directBytes,
      gossiped: this.#gossiped,
      heard: this.#heard,
      heardBytes: this.#heardBytes,
      entries: this.#entries,
      byKind: new Map(this.#byKind)
    }
  }
}
