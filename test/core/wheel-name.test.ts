import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseProjectName } from '../../src/core/distribution.ts'
import { expandTags, parseSdistName, parseWheelName, tagText } from '../../src/core/wheel-name.ts'

describe('wheel file names', () => {
  test('the usual shape', () => {
    expect(parseWheelName('MarkupSafe-2.1.5-cp311-cp311-linux_armv7l.whl')).toEqual({
      project: 'markupsafe',
      version: '2.1.5',
      tags: [{ python: 'cp311', abi: 'cp311', platform: 'linux_armv7l' }]
    })
  })

  test('compressed tag sets are expanded', () => {
    const name = parseWheelName('six-1.16.0-py2.py3-none-any.whl')
    expect(name?.tags.map(tagText)).toEqual(['py2-none-any', 'py3-none-any'])
    expect(expandTags('cp38-abi3.abi3t-manylinux_2_17_x86_64.manylinux2014_x86_64')).toHaveLength(4)
  })

  test('a build tag', () => {
    expect(parseWheelName('foo_bar-1.0-2b-py3-none-any.whl')).toMatchObject({
      project: 'foo-bar',
      version: '1.0',
      build: '2b'
    })
  })

  test('odd spellings are normalised', () => {
    expect(parseWheelName('zope.interface-1.0_post1+Local_1-py3-NONE-Any.whl')).toMatchObject({
      project: 'zope-interface',
      version: '1.0.post1+local.1',
      tags: [{ python: 'py3', abi: 'none', platform: 'any' }]
    })
  })

  const strangers = [
    'foo-1.0-cp311-cp311-linux_aarch64-null.whl',
    'foo-1.0-1-cp311-cp311-linux_aarch64-x8664v3.whl',
    'foo-1.0-py3-none.whl',
    'foo-1.0-py3-none-any.zip',
    'foo-1.0-py3-none-any.whl.metadata',
    'foo-french-py3-none-any.whl',
    'foo-1.0-py3..py2-none-any.whl',
    'foo-1.0--none-any.whl',
    '-1.0-py3-none-any.whl',
    '../foo-1.0-py3-none-any.whl',
    'foo.whl',
    '.whl',
    '',
    `foo-1.0-${Array(50).fill('p').join('.')}-${Array(50).fill('n').join('.')}-any.whl`
  ]
  test.for(strangers)('no wheel name: %s', (filename) => {
    expect(parseWheelName(filename)).toBeUndefined()
  })

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 8 }), { maxLength: 8 }), (parts) => {
        parseWheelName(`${parts.join('-')}.whl`)
      })
    )
  })
})

describe('sdist file names', () => {
  const known = [
    { filename: 'markupsafe-2.1.5.tar.gz', project: 'markupsafe', version: '2.1.5' },
    { filename: 'MarkupSafe-2.1.5.tar.gz', project: 'markupsafe', version: '2.1.5' },
    { filename: 'python-dateutil-2.8.2.tar.gz', project: 'python-dateutil', version: '2.8.2' },
    { filename: 'zope.interface-5.0.zip', project: 'zope-interface', version: '5.0' },
    { filename: 'foo-1.0-1.tar.gz', project: 'foo', version: '1.0.post1' },
    { filename: 'foo-1-2.tar.gz', project: 'foo-1', version: '2' },
    { filename: 'foo-1-2.tar.gz', project: 'foo', version: '1.post2' },
    { filename: 'foo_bar-1.0rc1.tar.gz', project: 'foo-bar', version: '1.0rc1' }
  ]
  test.for(known)('$filename of $project is $version', ({ filename, project, version }) => {
    expect(parseSdistName(filename, parseProjectName(project))).toEqual({ project, version })
  })

  test.for([
    'foo-1.0.egg',
    'foo-1.0.exe',
    'foo-1.0.tar.bz2',
    'bar-1.0.tar.gz',
    'foo-x.tar.gz',
    'foo.tar.gz',
    '-1.0.zip',
    ''
  ])('no sdist of foo: %s', (filename) => {
    expect(parseSdistName(filename, parseProjectName('foo'))).toBeUndefined()
  })
})
