import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSpecifierSet, satisfies } from '../../src/core/specifier.ts'
import {
  compareVersions,
  isPrerelease,
  normalizeVersion,
  parseVersion,
  versionKey,
  type Version
} from '../../src/core/version.ts'

interface Vectors {
  readonly normalized: Record<string, string>
  readonly prereleases: readonly string[]
  readonly invalidVersions: readonly string[]
  readonly ascendingGroupsOfEquals: readonly (readonly string[])[]
  readonly candidates: readonly string[]
  readonly specifiers: Record<string, string>
  readonly namesPrerelease: Record<string, boolean>
  readonly invalidSpecifiers: readonly string[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/pep440.json', import.meta.url), 'utf8')
) as Vectors

function version(text: string): Version {
  const parsed = parseVersion(text)
  if (parsed === undefined) throw new Error(`no version: ${text}`)
  return parsed
}

describe("versions, as Python's packaging has them", () => {
  test.for(Object.entries(vectors.normalized))('%s is written %s', ([text, normal]) => {
    expect(normalizeVersion(text)).toBe(normal)
    expect(normalizeVersion(normal)).toBe(normal)
  })

  test('whitespace around a version is no part of it', () => {
    expect(normalizeVersion(' 1.0\n')).toBe('1.0')
  })

  test.for(vectors.invalidVersions)('%j is no version', (text) => {
    expect(parseVersion(text)).toBeUndefined()
  })

  test('which are pre-releases', () => {
    const found = Object.keys(vectors.normalized).filter((text) => isPrerelease(version(text)))
    expect(found).toEqual(vectors.prereleases)
  })

  test('order and equality of every pair', () => {
    const ranked = vectors.ascendingGroupsOfEquals.flatMap((group, rank) =>
      group.map((text) => ({ rank, parsed: version(text) }))
    )
    for (const a of ranked) {
      for (const b of ranked) {
        expect(Math.sign(compareVersions(a.parsed, b.parsed))).toBe(Math.sign(a.rank - b.rank))
        expect(versionKey(a.parsed) === versionKey(b.parsed)).toBe(a.rank === b.rank)
      }
    }
  })

  test('anything that parses is its own normal form, and nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const parsed = parseVersion(text)
        if (parsed !== undefined) expect(parseVersion(parsed.text)).toEqual(parsed)
      })
    )
  })

  test('a text of a million digits is refused at once', () => {
    expect(parseVersion('1'.repeat(1_000_000))).toBeUndefined()
  })
})

describe("specifiers, as Python's packaging judges them", () => {
  const candidates = vectors.candidates.map(version)

  test.for(Object.entries(vectors.specifiers))('%s', ([text, wanted]) => {
    const set = parseSpecifierSet(text)
    const judged = candidates.map((one) => (satisfies(one, set, { prereleases: true }) ? '1' : '0')).join('')
    const differing = vectors.candidates.filter((_, i) => judged[i] !== wanted[i])
    expect(differing).toEqual([])
    expect(set.namesPrerelease).toBe(vectors.namesPrerelease[text])
  })

  test.for(vectors.invalidSpecifiers)('%j is refused', (text) => {
    expect(() => parseSpecifierSet(text)).toThrow(TypeError)
  })

  test('pre-releases come in only when a clause names one, or on request', () => {
    const alpha = version('2.0a1')
    expect(satisfies(alpha, parseSpecifierSet('>=1'))).toBe(false)
    expect(satisfies(alpha, parseSpecifierSet('>=1'), { prereleases: true })).toBe(true)
    expect(satisfies(alpha, parseSpecifierSet('>=1.0a1'))).toBe(true)
    expect(satisfies(alpha, parseSpecifierSet('>=1.0a1'), { prereleases: false })).toBe(false)
  })

  test('the text of a set has no spaces and no empty clauses', () => {
    expect(parseSpecifierSet(' >= 1.0 , < 2 ,').text).toBe('>=1.0,<2')
    expect(parseSpecifierSet(' ').text).toBe('')
  })
})
