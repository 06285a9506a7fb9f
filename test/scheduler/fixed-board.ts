import { sha256Hex } from '../../src/core/digest.ts'
import type { JobId, TargetId } from '../../src/core/ids.ts'
import { parseJobId } from '../../src/core/job.ts'
import { sliceIndex, type Slice } from '../../src/core/shard.ts'
import type { JobBoard } from '../../src/scheduler/job-board.ts'

export const TARGET = 'cp311-linux_x86_64-glibc2.36' as TargetId

/** A board with so many jobs of one target, each open until it is done. */
export function aBoard(count: number, isOpen: (job: JobId) => boolean): JobBoard {
  const jobs = Array.from({ length: count }, (_, i) => `p${i}==1.0@${TARGET}` as JobId)
  return {
    *openJobs(target: TargetId, { slice }: { readonly slice?: Slice }) {
      const { index, count: slices } = slice ?? { index: 0, count: 1 }
      if (target !== TARGET) return
      for (const job of jobs) if (isOpen(job) && sliceIndex(job, slices) === index) yield job
    },
    fits: () => true,
    failedOn: () => undefined,
    onChange: () => undefined,
    get: (job: JobId) =>
      isOpen(job)
        ? {
            id: job,
            ...parseJobId(job),
            state: { kind: 'open', failures: 0 },
            sdist: { ref: { filename: 'a.tar.gz', sha256: sha256Hex(job) }, url: 'http://127.0.0.1/' },
            wantIds: [],
            order: ''
          }
        : undefined
  } as unknown as JobBoard
}
