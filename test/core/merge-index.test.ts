import { describe, expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import {
  type MergedProject,
  UPSTREAM_SHIPS_IT,
  fileFitsTarget,
  mergeProject,
  onlyOurs
} from '../../src/core/merge-index.ts'
import type { ProjectPage } from '../../src/core/project-page.ts'
import type { PublishedWheel } from '../../src/core/published.ts'
import { CP313, aPublished, aWheelRef, upstreamFile, upstreamPage } from '../http/http-fixtures.ts'

const OURS = 'demo-1.0-cp311-cp311-linux_armv7l.whl'
const SDIST = upstreamFile('demo-1.0.tar.gz')

function merge(page: ProjectPage | undefined, ...wheels: PublishedWheel[]): MergedProject | undefined {
  return mergeProject({ page, wheels, fits: fileFitsTarget })
}

function filesOf(page: ProjectPage | undefined, ...wheels: PublishedWheel[]): readonly string[] {
  return merge(page, ...wheels)?.files.map(({ filename }) => filename) ?? []
}

describe('what is listed', () => {
  test('upstream’s files are the very objects that came, in upstream’s order, and ours follow', () => {
    const page = upstreamPage([upstreamFile('demo-1.0-py2-none-any.whl'), SDIST])
    const merged = merge(page, aPublished(OURS))
    expect(merged?.files[0]).toBe(page.files[0])
    expect(merged?.files[1]).toBe(page.files[1])
    expect(merged?.files.map(({ filename }) => filename)).toEqual([
      'demo-1.0-py2-none-any.whl',
      'demo-1.0.tar.gz',
      OURS
    ])
  })

  test('ours are sorted by file name, whatever order they came in', () => {
    const names = ['demo-1.0-cp39-cp39-linux_armv7l.whl', OURS, 'demo-1.0-cp313-cp313-linux_aarch64.whl']
    const wheels = names.map((name) => aPublished(name))
    const expected = ['demo-1.0.tar.gz', ...[...names].sort()]
    expect(filesOf(upstreamPage([SDIST]), ...wheels)).toEqual(expected)
    expect(filesOf(upstreamPage([SDIST]), ...wheels.toReversed())).toEqual(expected)
  })

  const unlisted: { id: string; page: ProjectPage | undefined; wheel: PublishedWheel }[] = [
    { id: 'a project unknown upstream', page: undefined, wheel: aPublished(OURS) },
    {
      id: 'a file name that upstream has',
      page: upstreamPage([SDIST, upstreamFile(OURS)]),
      wheel: aPublished(OURS)
    },
    {
      id: 'a file name that upstream has in other case',
      page: upstreamPage([SDIST, upstreamFile('Demo-1.0-cp311-cp311-linux_armv7l.whl', { yanked: true })]),
      wheel: aPublished(OURS)
    },
    {
      id: 'the testing channel',
      page: upstreamPage([SDIST]),
      wheel: aPublished(OURS, { channel: 'testing' })
    },
    {
      id: 'another project’s wheel',
      page: upstreamPage([SDIST]),
      wheel: aPublished(OURS, { project: normalizeName('other') })
    },
    {
      id: 'a release that upstream deleted',
      page: upstreamPage([upstreamFile('demo-2.0.tar.gz')]),
      wheel: aPublished(OURS)
    }
  ]
  test.for(unlisted)('not listed: $id', ({ page, wheel }) => {
    expect(filesOf(page, wheel).filter((name) => name === OURS)).toEqual(
      page?.files.some(({ filename }) => filename === OURS) === true ? [OURS] : []
    )
    expect(merge(page, wheel)?.files.some(({ raw }) => '_commonwheel' in raw) ?? false).toBe(false)
  })

  test('a project unknown upstream is not served at all', () => {
    expect(merge(undefined, aPublished(OURS))).toBeUndefined()
  })

  test('a quarantined project has no files, ours neither', () => {
    const page = upstreamPage([SDIST], { 'project-status': { status: 'quarantined', reason: 'malware' } })
    expect(merge(page, aPublished(OURS))).toMatchObject({ status: 'quarantined', files: [] })
  })

  test.for(['archived', 'deprecated'])('a project that is %s keeps its files and ours', (status) => {
    const page = upstreamPage([SDIST], { 'project-status': { status } })
    expect(filesOf(page, aPublished(OURS))).toHaveLength(2)
  })

  test('of two wheels with one name the first published is listed, once', () => {
    const early = aPublished(OURS, {
      wheel: aWheelRef(OURS, { sha256: 'a'.repeat(64) as never }),
      publishedMs: 1
    })
    const late = aPublished(OURS, {
      wheel: aWheelRef(OURS, { sha256: '0'.repeat(64) as never }),
      publishedMs: 2
    })
    for (const wheels of [
      [early, late],
      [late, early]
    ]) {
      const ours = merge(upstreamPage([SDIST]), ...wheels)?.files.slice(1)
      expect(ours?.map(({ sha256 }) => sha256)).toEqual(['a'.repeat(64)])
    }
  })

  test('1.0 and 1.0.0 are one release', () => {
    expect(filesOf(upstreamPage([upstreamFile('demo-1.0.0.tar.gz')]), aPublished(OURS))).toContain(OURS)
  })
})

describe('when ours are yanked', () => {
  const cases = [
    { id: 'nothing of upstream fits', files: [SDIST], yanked: false },
    {
      id: 'upstream has a pure wheel',
      files: [SDIST, upstreamFile('demo-1.0-py3-none-any.whl')],
      yanked: UPSTREAM_SHIPS_IT
    },
    {
      id: 'upstream has a manylinux wheel of an older glibc',
      files: [SDIST, upstreamFile('demo-1.0-cp311-cp311-manylinux_2_31_armv7l.whl')],
      yanked: UPSTREAM_SHIPS_IT
    },
    {
      id: 'upstream’s needs a newer glibc than the target has',
      files: [SDIST, upstreamFile('demo-1.0-cp311-cp311-manylinux_2_39_armv7l.whl')],
      yanked: false
    },
    {
      id: 'upstream’s is for another architecture',
      files: [SDIST, upstreamFile('demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl')],
      yanked: false
    },
    {
      id: 'upstream’s is of another version',
      files: [SDIST, upstreamFile('demo-1.1-py3-none-any.whl')],
      yanked: false
    },
    {
      id: 'upstream’s is itself yanked',
      files: [SDIST, upstreamFile('demo-1.0-py3-none-any.whl', { yanked: 'broken' })],
      yanked: false
    },
    {
      id: 'upstream yanked the whole release',
      files: [upstreamFile('demo-1.0.tar.gz', { yanked: 'CVE-2026-1' })],
      yanked: 'CVE-2026-1'
    },
    {
      id: 'the sdist’s reason counts, wherever it stands',
      files: [
        upstreamFile('demo-1.0-py2-none-any.whl', { yanked: 'wheel reason' }),
        upstreamFile('demo-1.0.tar.gz', { yanked: 'sdist reason' })
      ],
      yanked: 'sdist reason'
    },
    {
      id: 'the source that ours was made of is yanked, though a wheel of upstream’s is not',
      files: [
        upstreamFile('demo-1.0-py2-none-any.whl'),
        upstreamFile('demo-1.0.tar.gz', { yanked: 'bad source' })
      ],
      yanked: 'bad source'
    },
    {
      id: 'a yank without a reason',
      files: [upstreamFile('demo-1.0.tar.gz', { yanked: true })],
      yanked: true
    },
    {
      id: 'a variant wheel that nobody can read yet (PEP 825)',
      files: [SDIST, upstreamFile('demo-1.0-cp311-cp311-linux_armv7l-null.whl')],
      yanked: false
    }
  ]
  test.for(cases)('$id', ({ files, yanked }) => {
    const ours = merge(upstreamPage(files), aPublished(OURS))?.files.at(-1)
    expect(ours).toMatchObject({ filename: OURS, yanked, raw: { yanked } })
  })

  test('how many are ours is told apart from what upstream says of its own', () => {
    const upstreamMesh = upstreamFile('demo-1.0.tar.gz', { _commonwheel: { job: 'x' } })
    expect(merge(upstreamPage([upstreamMesh]), aPublished(OURS))?.oursCount).toBe(1)
    expect(onlyOurs(merge(upstreamPage([upstreamMesh]))!, '../')).toBeUndefined()
    const quarantined = upstreamPage([SDIST], { 'project-status': { status: 'quarantined' } })
    expect(onlyOurs(merge(quarantined, aPublished(OURS))!, '../')).toBeUndefined()
  })

  test('each of ours is judged by its own target', () => {
    const page = upstreamPage([SDIST, upstreamFile('demo-1.0-cp313-cp313-manylinux_2_28_aarch64.whl')])
    const other = 'demo-1.0-cp313-cp313-linux_aarch64.whl'
    const merged = merge(page, aPublished(OURS), aPublished(other, { target: CP313 }))
    expect(merged?.files.slice(2).map(({ yanked }) => yanked)).toEqual([false, UPSTREAM_SHIPS_IT])
  })
})

describe('our entries', () => {
  test('have every key that installers read, and one of our own', () => {
    const published = aPublished('demo-1.0+local-cp311-cp311-linux_armv7l.whl')
    const { wheel } = published
    expect(merge(upstreamPage([SDIST]), published)?.files.at(-1)?.raw).toEqual({
      filename: wheel.filename,
      url: `../../files/${wheel.sha256}/demo-1.0%2Blocal-cp311-cp311-linux_armv7l.whl`,
      hashes: { sha256: wheel.sha256 },
      size: 2_000,
      'requires-python': '>=3.8',
      'core-metadata': { sha256: wheel.metadata },
      'upload-time': '2026-01-01T00:00:00.123000Z',
      yanked: false,
      _commonwheel: {
        job: published.job,
        builder: published.builder,
        apt_dependencies: ['libjpeg62-turbo'],
        log: `../../logs/${published.log.sha256}`
      }
    })
  })

  test('leave requires-python out where METADATA has none', () => {
    const merged = merge(
      upstreamPage([SDIST]),
      aPublished(OURS, { wheel: aWheelRef(OURS, { requiresPython: '' }) })
    )
    expect(merged?.files.at(-1)).not.toHaveProperty('requiresPython')
    expect(merged?.files.at(-1)?.raw).not.toHaveProperty('requires-python')
  })

  test.for([NaN, Infinity, -5, 1e300])('survive a builder whose clock says %s', (publishedMs) => {
    const time = merge(upstreamPage([SDIST]), aPublished(OURS, { publishedMs }))?.files.at(-1)?.uploadTime
    expect(time).toMatch(/^\+?\d+-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })
})

describe('versions', () => {
  test('upstream’s list is kept as it is spelled', () => {
    const page = upstreamPage([upstreamFile('demo-1.0.0.tar.gz')], { versions: ['0.9', '1.0.0'] })
    expect(merge(page, aPublished(OURS))?.versions).toEqual(['0.9', '1.0.0'])
  })

  test('an index without a list has the versions of its files', () => {
    const page = upstreamPage([SDIST, upstreamFile('demo-2.0.tar.gz')], { versions: undefined })
    expect(merge(page)?.versions).toEqual(['1.0', '2.0'])
  })

  test('a version that upstream’s list forgot is added', () => {
    expect(merge(upstreamPage([SDIST], { versions: ['0.9'] }), aPublished(OURS))?.versions).toEqual([
      '0.9',
      '1.0'
    ])
  })
})
