import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseProjectName } from '../../src/core/distribution.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'

const demo = parseProjectName('demo')
const digest = 'a'.repeat(64)

function aFile(override: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    filename: 'demo-1.0.tar.gz',
    url: 'https://files.test/demo-1.0.tar.gz',
    hashes: { sha256: digest },
    ...override
  }
}

describe('a project page', () => {
  test('everything it may say', () => {
    const file = aFile({
      size: 12,
      'requires-python': '>=3.9',
      yanked: 'broken',
      'upload-time': '2026-01-02T03:04:05Z',
      provenance: null
    })
    const page = parseProjectPage(
      {
        meta: { 'api-version': '1.4', '_last-serial': 7 },
        name: 'Demo',
        versions: ['1.0', 2],
        'project-status': { status: 'archived', reason: 'done' },
        files: [file],
        _private: 1
      },
      demo
    )
    expect(page).toEqual({
      name: 'demo',
      versions: ['1.0'],
      status: 'archived',
      rest: {
        meta: { 'api-version': '1.4', '_last-serial': 7 },
        'project-status': { status: 'archived', reason: 'done' },
        _private: 1
      },
      files: [
        {
          filename: 'demo-1.0.tar.gz',
          url: 'https://files.test/demo-1.0.tar.gz',
          sha256: digest,
          size: 12,
          requiresPython: '>=3.9',
          yanked: 'broken',
          uploadTime: '2026-01-02T03:04:05Z',
          raw: file
        }
      ]
    })
  })

  const optional = [
    { id: 'no digest', with: { hashes: {} }, without: 'sha256' },
    { id: 'a digest in capitals', with: { hashes: { sha256: 'A'.repeat(64) } }, without: 'sha256' },
    { id: 'hashes that are a list', with: { hashes: [] }, without: 'sha256' },
    { id: 'a negative size', with: { size: -1 }, without: 'size' },
    { id: 'a size as text', with: { size: '12' }, without: 'size' },
    { id: 'requires-python null', with: { 'requires-python': null }, without: 'requiresPython' },
    { id: 'an upload time that is a number', with: { 'upload-time': 5 }, without: 'uploadTime' }
  ]
  test.for(optional)('a file with $id is kept without it', ({ with: override, without }) => {
    const [file] = parseProjectPage({ files: [aFile(override)] }, demo).files
    expect(file).toBeDefined()
    expect(file).not.toHaveProperty(without)
  })

  const dropped = [
    { id: 'no file name', with: { filename: undefined } },
    { id: 'a path as file name', with: { filename: '../demo-1.0.tar.gz' } },
    { id: 'a backslash in the file name', with: { filename: 'a\\b.whl' } },
    { id: 'a line end in the file name', with: { filename: 'a\nb.whl' } },
    { id: 'a hidden file name', with: { filename: '.whl' } },
    { id: 'no URL', with: { url: 5 } },
    { id: 'a relative URL', with: { url: '../demo-1.0.tar.gz' } },
    { id: 'a URL into the file system', with: { url: 'file:///etc/passwd' } }
  ]
  test.for(dropped)('a file with $id is dropped', ({ with: override }) => {
    expect(parseProjectPage({ files: [aFile(override), null, 5, []] }, demo).files).toEqual([])
  })

  test.for([
    [undefined, false],
    [false, false],
    [null, false],
    [0, false],
    [true, true],
    ['', true],
    ['because', 'because']
  ] as const)('yanked %j is read as %j', ([yanked, wanted]) => {
    expect(parseProjectPage({ files: [aFile({ yanked })] }, demo).files[0]?.yanked).toBe(wanted)
  })

  test('a page that says nothing else is active', () => {
    expect(parseProjectPage({ files: [] }, demo)).toEqual({
      name: 'demo',
      files: [],
      versions: [],
      status: 'active',
      rest: {}
    })
  })

  test.for([null, undefined, 5, 'text', [], {}, { files: {} }])('%j is no page', (json) => {
    expect(() => parseProjectPage(json, demo)).toThrow(TypeError)
  })

  test('a key named __proto__ is data', () => {
    const page = parseProjectPage(JSON.parse('{"files":[],"__proto__":{"polluted":1}}'), demo)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.keys(page.rest)).toEqual(['__proto__'])
  })

  test('whatever is in the list of files, nothing throws', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (files) => {
        parseProjectPage({ files }, demo)
      })
    )
  })
})
