/* docs/protocol/queue.md#order, once more and naively: one text per job, and texts are sorted. */

export interface ReferenceJob {
  readonly priorities: readonly ('request' | 'release' | 'popular' | 'backlog')[]
  readonly isOdd: boolean
  readonly position: number
  readonly createdMs: readonly number[]
  readonly project: string
  readonly version: string
}

export function referenceOrder<T extends ReferenceJob>(jobs: readonly T[]): readonly T[] {
  return [...jobs].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0))
}

function keyOf(job: ReferenceJob): string {
  const most = ['request', 'release', 'popular', 'backlog'].findIndex((one) =>
    job.priorities.includes(one as 'request')
  )
  const oldest = [...job.createdMs].sort((a, b) => a - b)[0]!
  const position = String(job.position).padStart(4, '0')
  return [most, job.isOdd ? 1 : 0, position, String(oldest).padStart(16, '0'), job.project, job.version].join(
    '\0'
  )
}
