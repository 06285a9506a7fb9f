import type { ProjectName } from '../core/ids.ts'
import { MinHeap } from './min-heap.ts'

interface Visit {
  readonly project: ProjectName
  readonly dueMs: number
}

/** Projects and when each is to be asked for again: the one that is due for longest comes first. */
export class VisitQueue {
  readonly #due = new Map<ProjectName, number>()
  /** One that was put again lies here twice; only the one that `#due` names counts. */
  readonly #heap = new MinHeap<Visit>((a, b) => a.dueMs - b.dueMs)

  get size(): number {
    return this.#due.size
  }

  has(project: ProjectName): boolean {
    return this.#due.has(project)
  }

  projects(): Iterable<ProjectName> {
    return this.#due.keys()
  }

  put(project: ProjectName, dueMs: number): void {
    this.#due.set(project, dueMs)
    this.#heap.push({ project, dueMs })
  }

  /** Brings it forward; a project that is not in the queue stays out of it. */
  hurry(project: ProjectName, dueMs: number): void {
    const before = this.#due.get(project)
    if (before !== undefined && before > dueMs) this.put(project, dueMs)
  }

  /** Takes the next one that is due out of the queue. */
  take(nowMs: number): ProjectName | undefined {
    for (let next = this.#heap.least(); next !== undefined; next = this.#heap.least()) {
      const counts = this.#due.get(next.project) === next.dueMs
      if (counts && next.dueMs > nowMs) return undefined
      this.#heap.pop()
      if (!counts) continue
      this.#due.delete(next.project)
      return next.project
    }
    return undefined
  }

  clear(): void {
    this.#due.clear()
    while (this.#heap.pop() !== undefined);
  }
}
