import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { ProjectName, TargetId } from '../../src/core/ids.ts'
import { jobId, parseJobId } from '../../src/core/job.ts'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import { publish, type Publication, type PublishGates, type Vote } from '../../src/core/publish-rule.ts'
import type { PublishedWheel } from '../../src/core/published.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult } from '../support/make-record.ts'

/*
 * Never two byte strings under one file name: whatever builders sign, honest or not, in whatever order it comes, one page lists a file
 * name once, and what is listed as stable keeps its digest when later results come.
 */

const DEMO = 'demo' as ProjectName
const TARGETS = ['cp311-linux_armv7l-glibc2.36', 'cp311-linux_armv6l-glibc2.36'] as TargetId[]
const NAMES = [
  'demo-1.0-cp311-cp311-linux_armv7l.whl',
  'demo-1.0-cp311-cp311-linux_armv6l.whl',
  'Demo-1.0-cp311-cp311-linux_armv7l.whl',
  'demo-1.0.0-py3-none-any.whl',
  'demo-2.0-py3-none-any.whl',
  'other-1.0-py3-none-any.whl'
]
const AUTHORS = ['pi1', 'pi2', 'pi3'].map((name) => signerOf(name).nodeId)

const gates: PublishGates = {
  sdists: new Set([sha256Hex('sdist')]),
  retracted: new Set(),
  skipped: false,
  quorum: 2
}

const someVote = fc
  .record({
    author: fc.constantFrom(...AUTHORS),
    level: fc.constantFrom('probation', 'member', 'trusted', undefined),
    term: fc.nat({ max: 5 }),
    version: fc.constantFrom('1.0', '2.0'),
    target: fc.constantFrom(...TARGETS),
    filename: fc.constantFrom(...NAMES),
    bytes: fc.nat({ max: 2 }),
    environment: fc.constantFrom('a', 'b')
  })
  .map(
    ({ author, level, term, version, target, filename, bytes, environment }) =>
      (recordId: string): Vote => {
        const record = aResult({ job: jobId(DEMO, version, target) })
        return {
          author,
          level,
          recordId,
          record: {
            ...record,
            fence: { ...record.fence, term },
            wheel: { ...record.wheel!, filename, sha256: sha256Hex(`${filename} ${bytes}`) },
            environment: { ...record.environment, digest: sha256Hex(environment) }
          }
        }
      }
  )
const votes = fc
  .array(someVote, { maxLength: 25 })
  .map((all) => all.map((make, index) => make(`r${String(index).padStart(2, '0')}`)))

/** As the catalogue does: each release by itself. */
function publishAll(all: readonly Vote[]): readonly Publication[] {
  return ['1.0', '2.0'].flatMap((version) =>
    publish(
      all.filter(({ record }) => parseJobId(record.job).version === version),
      gates
    )
  )
}

function pageOf(all: readonly Vote[]): readonly { readonly filename: string; readonly sha256?: string }[] {
  const file = (version: string): object => ({
    filename: `demo-${version}.tar.gz`,
    url: `https://upstream.test/demo-${version}.tar.gz`,
    hashes: { sha256: sha256Hex('sdist') }
  })
  const json = { meta: { 'api-version': '1.1' }, name: 'demo', files: ['1.0', '2.0'].map(file) }
  const page = parseProjectPage(json, DEMO)
  const wheels = publishAll(all).map(({ vote, wheel, channel }): PublishedWheel => {
    const { job, startedMs, durationMs, log } = vote.record
    const { version, target } = parseJobId(job)
    const published = { project: DEMO, version, target, job, wheel, channel }
    return { ...published, builder: vote.author, publishedMs: startedMs, durationMs, log }
  })
  return mergeProject({ page, wheels, fits: fileFitsTarget })?.files ?? []
}

test('a page lists each file name once, and only names of its project', () => {
  fc.assert(
    fc.property(votes, (all) => {
      const names = pageOf(all).map(({ filename }) => filename.toLowerCase())
      expect(new Set(names).size).toBe(names.length)
      expect(names.filter((name) => !name.startsWith('demo-'))).toEqual([])
    })
  )
})

test('the same results in another order are the same page', () => {
  const shuffled = votes.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))
  )
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      expect(pageOf(other)).toEqual(pageOf(all))
    })
  )
})

test('a later result never changes the digest of a name that is stable', () => {
  fc.assert(
    fc.property(votes, someVote, (all, make) => {
      const late = make('r99')
      const { record } = late
      const later: Vote = { ...late, record: { ...record, fence: { ...record.fence, term: 9 } } }
      const after = new Map(publishAll([...all, later]).map((one) => [one.wheel.filename, one]))
      for (const { wheel, channel } of publishAll(all)) {
        if (channel === 'stable') expect(after.get(wheel.filename)?.wheel.sha256).toBe(wheel.sha256)
      }
    })
  )
})
