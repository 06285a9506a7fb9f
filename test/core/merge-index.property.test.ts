import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import { jobId } from '../../src/core/job.ts'
import { type MergedProject, fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import type { ProjectPage } from '../../src/core/project-page.ts'
import type { PublishedWheel } from '../../src/core/published.ts'
import { CP311, CP313, aPublished, aWheelRef, upstreamFile, upstreamPage } from '../http/http-fixtures.ts'

const OURS = 'demo-1.0-cp311-cp311-linux_armv7l.whl'
const SDIST = upstreamFile('demo-1.0.tar.gz')

function merge(page: ProjectPage, wheels: readonly PublishedWheel[]): MergedProject | undefined {
  return mergeProject({ page, wheels, fits: fileFitsTarget })
}

test('a merge is the same whatever order the wheels came in, and never touches upstream’s files', () => {
  const name = fc.constantFrom(OURS, 'demo-1.0-py3-none-any.whl', 'demo-1.0-cp313-cp313-linux_aarch64.whl')
  const wheel = fc
    .record({ name, target: fc.constantFrom(CP311, CP313), ms: fc.nat(5), digest: fc.constantFrom('a', 'b') })
    .map(({ name: file, target, ms, digest }) =>
      aPublished(file, {
        target,
        job: jobId(normalizeName('demo'), '1.0', target),
        publishedMs: ms,
        wheel: aWheelRef(file, { sha256: digest.repeat(64) as never })
      })
    )
  const upstream = fc.subarray([
    SDIST,
    upstreamFile('demo-1.0-py3-none-any.whl'),
    upstreamFile('demo-1.0-cp311-cp311-manylinux_2_31_armv7l.whl')
  ])
  fc.assert(
    fc.property(upstream, fc.array(wheel, { maxLength: 6 }), (files, wheels) => {
      const page = upstreamPage(files)
      const merged = merge(page, wheels)
      const names = merged?.files.map(({ filename }) => filename) ?? []
      expect(new Set(names).size).toBe(names.length)
      expect(merged?.files.slice(0, page.files.length)).toEqual(page.files)
      expect(merge(page, wheels.toReversed())).toEqual(merged)
    })
  )
})
