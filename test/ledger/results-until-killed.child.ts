/** Appends results, and says how many are on the disk after each lot. Run by views-kill.test.ts. */
import { writeSync } from 'node:fs'
import { jobId } from '../../src/core/job.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { PROJECTS, TARGETS } from '../scheduler/feed-arbitraries.ts'
import { aResult } from '../support/make-record.ts'
import { openViews } from './views-node.ts'

const { ledger, state } = await openViews(await openDatabase(process.argv[2] as string))
const base = aResult()
for (let at = state.results.count(); ; at = state.results.count()) {
  const lot = Array.from({ length: 40 }, (_, index) => {
    const number = at + index
    const job = jobId(PROJECTS[number % 2]!, `1.${number % 7}`, TARGETS[number % 3]!)
    return { ...base, job, startedMs: (number * 7_919) % 10_007 }
  })
  await ledger.append(...lot)
  writeSync(1, `${at + lot.length}\n`)
}
