import type { JobId, TargetId } from '../core/ids.ts'
import { MAX_SLICES } from '../core/limits.ts'
import { compareQueuePlaces, type QueuePlace } from '../core/queue-order.ts'
import type { Slice } from '../core/shard.ts'
import { MinHeap } from './min-heap.ts'
import { SortedList, type Cursor } from './sorted-list.ts'
import { WaitPath } from './wait-path.ts'

/** A job in the queue of its target. Where it is belongs to the queue. */
export interface Queued extends QueuePlace {
  readonly id: JobId
  /** Of its release, among {@link MAX_SLICES}: every coarser division follows from it. */
  readonly slice: number
  queuedIn: QueueGroup | 'asleep' | undefined
}

export interface Taking {
  isServed(target: TargetId): boolean
  readonly slice?: Slice | undefined
}

/** Jobs that wait for the same targets: they are offered, all or none, by who is there. */
interface QueueGroup {
  readonly waitsFor: WaitPath
  readonly slices: (SortedList<Queued> | undefined)[]
}

interface Sleeper {
  readonly job: Queued
  readonly wakeMs: number
}

/**
 * The unfinished jobs of one target, ordered by urgency: to insert, to remove and to read on cost microseconds, however many there
 * are. A job that waits out its back-off sleeps apart; jobs that wait for a lower target are grouped by what they wait for.
 */
export class JobQueue {
  readonly #groups = new Map<WaitPath, QueueGroup>()
  readonly #asleep = new MinHeap<Sleeper>((a, b) => a.wakeMs - b.wakeMs)

  /** A job that is in no queue; each job object once. `wakeMs`: by the clock of {@link take}; such a job waits for no target. */
  add(job: Queued, waitsFor: WaitPath, wakeMs = 0): void {
    if (wakeMs > 0) {
      job.queuedIn = 'asleep'
      this.#asleep.push({ job, wakeMs })
    } else this.#place(job, waitsFor)
  }

  remove(job: Queued): void {
    const group = job.queuedIn
    job.queuedIn = undefined
    // A sleeper stays in the heap until its time; what is no longer asleep by then is passed over.
    if (group === undefined || group === 'asleep') return
    group.slices[job.slice]?.remove(job)
  }

  /** The jobs that may be built at this time, most urgent first; to be read before anything changes. */
  *take(nowMs: number, taking: Taking): Iterable<Queued> {
    this.#wake(nowMs)
    const cursors = this.#cursors(taking)
    for (let first = cursors.least(); first !== undefined; first = cursors.least()) {
      const job = first.current
      if (job === undefined) cursors.pop()
      else {
        yield job
        first.advance()
        if (first.current === undefined) cursors.pop()
        else cursors.sink()
      }
    }
  }

  /** One for each list of jobs that are to be taken; the one with the most urgent job first. */
  #cursors(taking: Taking): MinHeap<Cursor<Queued>> {
    const { index, count } = taking.slice ?? { index: 0, count: 1 }
    const cursors = new MinHeap<Cursor<Queued>>(compareCursors)
    const served = new Map<TargetId, boolean>()
    const isServed = (target: TargetId): boolean => memoized(served, target, () => taking.isServed(target))
    for (const { waitsFor, slices } of this.#groups.values()) {
      if (waitsFor.targets.some(isServed)) continue
      for (let at = index; at < MAX_SLICES; at += count) {
        const cursor = slices[at]?.cursor()
        if (cursor?.current !== undefined) cursors.push(cursor)
      }
    }
    return cursors
  }

  #place(job: Queued, waitsFor: WaitPath): void {
    let group = this.#groups.get(waitsFor)
    if (group === undefined) {
      group = { waitsFor, slices: [] }
      this.#groups.set(waitsFor, group)
    }
    const list = (group.slices[job.slice] ??= new SortedList<Queued>(compareQueuePlaces))
    list.insert(job)
    job.queuedIn = group
  }

  #wake(nowMs: number): void {
    for (let next = this.#asleep.least(); next !== undefined && next.wakeMs <= nowMs;) {
      this.#asleep.pop()
      if (next.job.queuedIn === 'asleep') this.#place(next.job, WaitPath.nothing)
      next = this.#asleep.least()
    }
  }
}

function compareCursors(a: Cursor<QueuePlace>, b: Cursor<QueuePlace>): number {
  if (a.current === undefined || b.current === undefined)
    return a.current === b.current ? 0 : a.current ? -1 : 1
  return compareQueuePlaces(a.current, b.current)
}

function memoized<K, V>(known: Map<K, V>, key: K, compute: () => V): V {
  const found = known.get(key)
  if (found !== undefined) return found
  const value = compute()
  known.set(key, value)
  return value
}
