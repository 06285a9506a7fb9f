import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { BuildReport } from '../../src/core/ports.ts'
import type { ResultRecord } from '../../src/core/record.ts'
import { parseTarget } from '../../src/core/target.ts'
import { BuildRun } from '../../src/scheduler/build-run.ts'
import type { JobRow } from '../../src/scheduler/job-board.ts'
import { aResult } from '../support/make-record.ts'
import { realClock } from '../support/real-clock.ts'
import { silentLog } from '../support/test-ports.ts'

const told = aResult({})
const ARMV6 = parseTarget('cp311-linux_armv6l-glibc2.36').id

/** The results that one build writes. */
async function resultsOf(report: Partial<BuildReport>): Promise<readonly ResultRecord[]> {
  const written: ResultRecord[] = []
  const { log, durationMs, environment } = told
  const run = new BuildRun(
    {
      clock: realClock,
      log: silentLog,
      builder: { build: async () => ({ log, durationMs, environment, ...report }) },
      publish: async (result) => {
        written.push(result)
      },
      limits: () => ({ memoryBytes: 1, diskBytes: 1, wallMs: 1 }),
      onReport: () => undefined,
      onUnwritten: () => undefined,
      onFailed: () => undefined
    },
    { job: told.job, fence: told.fence, builder: 'node' as never, startedMs: 0 } as never,
    { sdist: { ref: told.sdist, url: 'https://upstream.test/x' } } as unknown as JobRow
  )
  await run.ended
  return written
}

test('a wheel that another target runs as well is a second result, for that target, which says what was built', async () => {
  const wheel = told.wheel!
  const other = { ...wheel, filename: 'demo-1.0-cp311-cp311-linux_armv6l.whl', sha256: sha256Hex('retagged') }
  const [first, second, ...more] = await resultsOf({ wheel, retagged: { target: ARMV6, wheel: other } })
  expect(more).toEqual([])
  expect(first).toMatchObject({ job: told.job, wheel })
  expect(first).not.toHaveProperty('builtAs')
  const job = told.job.replace(/@.*/, `@${ARMV6}`)
  expect(second).toEqual({ ...first, job, wheel: other, builtAs: told.job })
})

test('any other build is one result', async () => {
  expect(await resultsOf({ wheel: told.wheel! })).toHaveLength(1)
  const failure = { class: 'package', cause: 'x', reason: 'y' } as const
  expect(await resultsOf({ failure })).toMatchObject([{ failure, limits: { memoryBytes: 1 } }])
})
