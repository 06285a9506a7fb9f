import { describe, expect, test } from 'vitest'
import { parseProjectName } from '../../src/core/distribution.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import { releasesOf, requiresPythonAllows, type Release } from '../../src/core/releases.ts'
import { parseTarget } from '../../src/core/target.ts'

function release(...files: readonly Record<string, unknown>[]): readonly Release[] {
  const complete = files.map((file) => ({ url: `https://files.test/${String(file['filename'])}`, ...file }))
  return releasesOf(parseProjectPage({ files: complete }, parseProjectName('demo')))
}

const hashes = { sha256: 'a'.repeat(64) }

describe('the releases of a page', () => {
  test('an sdist and its wheels', () => {
    expect(
      release(
        {
          filename: 'demo-1.0-cp311-cp311-manylinux_2_28_aarch64.whl',
          'upload-time': '2026-01-01T00:00:00Z',
          hashes
        },
        {
          filename: 'demo-1.0.tar.gz',
          hashes,
          size: 5,
          'requires-python': '>=3.9',
          'upload-time': '2026-01-01T00:05:00Z'
        },
        { filename: 'demo-1.0-py3.10.egg', hashes },
        { filename: 'demo-1.0.exe', hashes },
        { filename: 'demo-1.0-cp311-cp311-linux_aarch64-null.whl', hashes },
        { filename: 'other-9.0.tar.gz', hashes },
        { filename: 'other-9.0-py3-none-any.whl', hashes }
      )
    ).toEqual([
      {
        version: '1.0',
        sdist: {
          ref: { filename: 'demo-1.0.tar.gz', sha256: hashes.sha256, size: 5 },
          url: 'https://files.test/demo-1.0.tar.gz'
        },
        sdistDigests: [hashes.sha256],
        wheels: [
          {
            filename: 'demo-1.0-cp311-cp311-manylinux_2_28_aarch64.whl',
            tags: [{ python: 'cp311', abi: 'cp311', platform: 'manylinux_2_28_aarch64' }],
            yanked: false
          }
        ],
        yanked: false,
        requiresPython: '>=3.9',
        uploadTime: '2026-01-01T00:05:00Z',
        prerelease: false
      }
    ])
  })

  test('lowest version first, not lowest text', () => {
    const found = release(
      { filename: 'demo-1.10.tar.gz', hashes },
      { filename: 'demo-1.9.tar.gz', hashes },
      { filename: 'demo-2.0rc1.tar.gz', hashes },
      { filename: 'demo-1!0.1.tar.gz', hashes }
    )
    expect(found.map(({ version, prerelease }) => [version, prerelease])).toEqual([
      ['1.9', false],
      ['1.10', false],
      ['2.0rc1', true],
      ['1!0.1', false]
    ])
  })

  test('1.0 and 1.0.0 are one release, spelled as the sdist spells it', () => {
    const found = release(
      { filename: 'demo-1.0.0-py3-none-any.whl' },
      { filename: 'demo-1.0.tar.gz', hashes }
    )
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ version: '1.0', wheels: [{ filename: 'demo-1.0.0-py3-none-any.whl' }] })
  })

  const choices = [
    {
      id: 'a tarball before a zip',
      files: [
        { filename: 'demo-1.zip', hashes },
        { filename: 'demo-1.tar.gz', hashes }
      ],
      chosen: 'demo-1.tar.gz'
    },
    {
      id: 'a zip before a yanked tarball',
      files: [
        { filename: 'demo-1.tar.gz', hashes, yanked: true },
        { filename: 'demo-1.zip', hashes }
      ],
      chosen: 'demo-1.zip'
    },
    {
      id: 'a zip before a tarball without a digest',
      files: [{ filename: 'demo-1.tar.gz' }, { filename: 'demo-1.zip', hashes }],
      chosen: 'demo-1.zip'
    },
    { id: 'nothing without a digest', files: [{ filename: 'demo-1.tar.gz' }], chosen: undefined },
    {
      id: 'nothing of wheels alone',
      files: [{ filename: 'demo-1-py3-none-any.whl', hashes }],
      chosen: undefined
    }
  ]
  test.for(choices)('the sdist to build: $id', ({ files, chosen }) => {
    expect(release(...files)[0]?.sdist?.ref.filename).toBe(chosen)
  })

  test('a release is yanked when all its files are', () => {
    const sdist = { filename: 'demo-1.tar.gz', hashes, yanked: 'bad' }
    const wheel = { filename: 'demo-1-py3-none-any.whl', hashes, yanked: true }
    expect(release(sdist, wheel)[0]?.yanked).toBe(true)
    expect(release(sdist, { ...wheel, yanked: false })[0]).toMatchObject({
      yanked: false,
      wheels: [{ yanked: false }]
    })
  })

  test('no files, no releases', () => {
    expect(release()).toEqual([])
  })
})

describe('Requires-Python', () => {
  const cases = [
    ['', 'cp311', true],
    ['>=3.9', 'cp311', true],
    ['>=3.12', 'cp311', false],
    ['>=3.9.2', 'cp39', true],
    ['<3.9', 'cp39', false],
    ['!=3.0.*,!=3.1.*,>=2.7,', 'cp39', true],
    ['==3.9.*', 'cp39', true],
    ['~=3.9', 'cp311', true],
    ['<4', 'cp313t', true],
    ['>3.10', 'pp310', true],
    ['>=3.6.*', 'cp311', true],
    ['whatever', 'cp311', true]
  ] as const
  test.for(cases)('%j lets %s in: %s', ([requiresPython, python, wanted]) => {
    const target = parseTarget(`${python}-linux_aarch64-glibc2.36`)
    expect(requiresPythonAllows(requiresPython, target)).toBe(wanted)
  })
})
