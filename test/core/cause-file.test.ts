import { describe, expect, test } from 'vitest'
import { CauseFileError, withOwnCauses } from '../../src/core/cause-file.ts'
import type { CauseFile } from '../../src/core/failure-causes.ts'

const shipped: CauseFile = {
  apt: { header: { 'ffi.h': 'libffi-dev', 'png.h': 'libpng-dev' } },
  causes: {
    'missing-header': { class: 'missing-dependency', title: 'A', explanation: 'B', cure: 'C' },
    'build-failed': { class: 'package', title: 'A', explanation: 'B', cure: 'C' }
  },
  patterns: [
    {
      cause: 'missing-header',
      lines: ['fatal error: {path}: No such file'],
      apt: 'header',
      reason: 'the header $1 is missing$apt',
      examples: []
    },
    { cause: 'build-failed', lines: ['^{exception}: {rest}'], reason: 'it raised $0', examples: [] }
  ]
}
const own = (value: unknown): ReturnType<typeof withOwnCauses> => withOwnCauses(shipped, value, 'own.json')

describe('causes of a node’s own', () => {
  test('add to tables, and the shipped rest stays', () => {
    const causes = own({ apt: { header: { 'rocket.h': 'librocket-dev' } } })
    const missing = (line: string): string | undefined => causes.classify('build', [line])?.failure.missing
    expect(missing('x.c:1:1: fatal error: rocket.h: No such file')).toBe('librocket-dev')
    expect(missing('x.c:1:1: fatal error: ffi.h: No such file')).toBe('libffi-dev')
    expect([...causes.packages].sort()).toEqual(['libffi-dev', 'libpng-dev', 'librocket-dev'])
  })

  test('replace a package and a text that is there', () => {
    const text = { class: 'package', title: 'Ours', explanation: 'B', cure: 'C' }
    const causes = own({ apt: { header: { 'ffi.h': 'libffi7-dev' } }, causes: { 'build-failed': text } })
    expect(causes.classify('build', ['fatal error: ffi.h: No such file'])?.apt).toBe('libffi7-dev')
    expect(causes.textOf('build-failed')?.title).toBe('Ours')
  })

  test('their patterns are tried first, with causes and a package of their own', () => {
    const causes = own({
      causes: { 'no-licence': { class: 'missing-dependency', title: 'A', explanation: 'B', cure: 'C' } },
      patterns: [
        {
          cause: 'no-licence',
          lines: ['LicenceError: {rest}'],
          package: 'acme-licence',
          reason: 'no licence$apt'
        }
      ]
    })
    expect(causes.classify('build', ['LicenceError: none'])?.failure).toEqual({
      class: 'missing-dependency',
      cause: 'no-licence',
      reason: 'no licence: apt install acme-licence',
      missing: 'acme-licence'
    })
    expect(causes.classify('build', ['ValueError: x'])?.failure.cause).toBe('build-failed')
  })

  test.for([
    [[], 'must be a JSON object'],
    [{ apts: {} }, 'unknown field apts'],
    [{ apt: { header: { 'a.h': 'Not A Package' } } }, 'apt.header.a.h: must be the name of a Debian package'],
    [{ causes: { odd: { class: 'package', title: 'x' } } }, 'causes.odd.explanation: must be a text'],
    [{ patterns: {} }, 'patterns: must be a list'],
    [{ patterns: [{ cause: 'build-failed', lines: ['x'] }] }, 'patterns[0].reason: must be a text'],
    [{ patterns: [{ cause: 'build-failed', lines: [], reason: 'r' }] }, 'patterns[0].lines: must be a list'],
    [{ patterns: [{ cause: 'odd', lines: ['x'], reason: 'r' }] }, 'no text for the cause odd'],
    [{ patterns: [{ cause: 'build-failed', lines: ['{odd} x'], reason: 'r' }] }, '{odd}'],
    [
      { patterns: [{ cause: 'build-failed', lines: ['x'], reason: 'r', step: 'later' }] },
      'patterns[0].step: must be'
    ],
    [
      { patterns: [{ cause: 'build-failed', lines: ['x'], reason: 'r', apt: 'odd' }] },
      'patterns[0].apt: there is no table odd'
    ]
  ] as const)('%j is refused by name', ([value, problem]) => {
    expect(() => own(value)).toThrow(CauseFileError)
    expect(() => own(value)).toThrow(problem)
  })
})
