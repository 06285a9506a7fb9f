export interface TimedEvent {
  readonly atMs: number
  /** Events of one instant run in the order in which they were scheduled. */
  readonly order: number
  run(): void
}

/** What is to happen next: a binary heap by time. */
export class EventQueue {
  readonly #heap: TimedEvent[] = []

  size(): number {
    return this.#heap.length
  }

  peek(): TimedEvent | undefined {
    return this.#heap[0]
  }

  push(event: TimedEvent): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !isBefore(event, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = event
  }

  pop(): TimedEvent | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) this.#sink(last)
    return first
  }

  #sink(event: TimedEvent): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      const [left, right] = [heap[down], heap[down + 1]]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) down++
      const child = heap[down]
      if (child === undefined || !isBefore(child, event)) break
      heap[at] = child
      at = down
    }
    heap[at] = event
  }
}

function isBefore(a: TimedEvent, b: TimedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
