import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRequirement, parseRequirementsFile } from '../../src/core/requirement.ts'

describe('one requirement', () => {
  const accepted = [
    { text: 'numpy', project: 'numpy', specifier: '', marker: '' },
    { text: '  NumPy == 1.26.4  ', project: 'numpy', specifier: '==1.26.4', marker: '' },
    { text: 'zope.interface>=5,<6', project: 'zope-interface', specifier: '>=5,<6', marker: '' },
    { text: 'requests[socks, security]>=2', project: 'requests', specifier: '>=2', marker: '' },
    { text: 'requests [socks] (>=2, <3)', project: 'requests', specifier: '>=2,<3', marker: '' },
    { text: 'a', project: 'a', specifier: '', marker: '' },
    {
      text: "tomli; python_version < '3.11' and sys_platform == 'linux'",
      project: 'tomli',
      specifier: '',
      marker: "python_version < '3.11' and sys_platform == 'linux'"
    },
    { text: 'six # for old Pythons', project: 'six', specifier: '', marker: '' }
  ]
  test.for(accepted)('$text', ({ text, ...wanted }) => {
    expect(parseRequirement(text)).toEqual(wanted)
  })

  const refused = [
    { text: '', says: 'not a requirement' },
    { text: '# only a comment', says: 'not a requirement' },
    { text: '-e .', says: 'not a requirement' },
    { text: 'numpy 1.0', says: 'not a version specifier' },
    { text: 'numpy=1.0', says: 'not a version specifier' },
    { text: 'numpy==', says: 'not a version specifier' },
    { text: 'pip @ https://example.org/pip.whl', says: 'not a file or URL' },
    { text: 'git+https://example.org/pip.git', says: 'not a file or URL' },
    { text: './local/thing', says: 'not a file or URL' },
    { text: 'thing-1.0-py3-none-any.whl', says: 'not a file or URL' },
    { text: 'numpy-', says: 'not a project name' },
    { text: 'x'.repeat(10_000), says: 'too long' }
  ]
  test.for(refused)('refused: $text', ({ text, says }) => {
    expect(() => parseRequirement(text)).toThrow(TypeError)
    expect(() => parseRequirement(text)).toThrow(says)
  })

  test('no text makes it throw anything but a TypeError', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        try {
          parseRequirement(text)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      })
    )
  })
})

describe('a requirements file', () => {
  test('comments, continued lines, hashes and options of pip', () => {
    const text = [
      '# the application',
      '--index-url https://example.org/simple',
      'numpy==1.26.4 \\',
      '    --hash=sha256:aaaa \\',
      '    --hash=sha256:bbbb',
      '',
      'Pillow>=10 # pictures \\',
      'six\r',
      "tomli ; python_version < '3.11' --hash=sha256:cc"
    ].join('\n')
    expect(parseRequirementsFile(text)).toEqual([
      { project: 'numpy', specifier: '==1.26.4', marker: '' },
      { project: 'pillow', specifier: '>=10', marker: '' },
      { project: 'six', specifier: '', marker: '' },
      { project: 'tomli', specifier: '', marker: "python_version < '3.11'" }
    ])
  })

  const refused = [
    { id: 'another file', text: 'six\n-r more.txt', says: 'line 2: other files' },
    { id: 'a constraints file', text: '--constraint=c.txt', says: 'line 1: other files' },
    { id: 'a working tree', text: '\n\n-e .', says: 'line 3: other files' },
    { id: 'a URL', text: 'six\n\nhttps://example.org/a.whl', says: 'line 3: only names' },
    {
      id: 'a bad version behind a continued line',
      text: 'six\\\n>=1\nnumpy>=x',
      says: 'line 3: not a version'
    }
  ]
  test.for(refused)('refused: $id', ({ text, says }) => {
    expect(() => parseRequirementsFile(text)).toThrow(says)
  })

  test('a file that ends in a continuation', () => {
    expect(parseRequirementsFile('six \\')).toEqual([{ project: 'six', specifier: '', marker: '' }])
  })
})
