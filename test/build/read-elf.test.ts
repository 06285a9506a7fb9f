import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readElf } from '../../src/build/read-elf.ts'
import { makeElf } from '../support/make-elf.ts'

/** As a compiler for ARMv7 with NEON writes them. */
const ARMV7 = { cpu: 10, thumb: 2, fp: 3, simd: 1, vfpArgs: 1 }

describe('an ELF file', () => {
  test.for([true, false])('its tables, 64 bits: %s', (wide) => {
    const bytes = makeElf({
      wide,
      machine: wide ? 183 : 40,
      flags: 0x5000400,
      needed: ['libz.so.1', 'libc.so.6'],
      soname: 'libdemo.so.2',
      runpath: '$ORIGIN/../demo.libs:/usr/lib',
      versions: { 'libc.so.6': ['GLIBC_2.17', 'GLIBC_2.34'], 'libm.so.6': ['GLIBC_2.29'] },
      ...(wide ? {} : { arm: ARMV7 })
    })
    expect(readElf(bytes)).toEqual({
      wide,
      littleEndian: true,
      type: 3,
      machine: wide ? 183 : 40,
      flags: 0x5000400,
      needed: ['libz.so.1', 'libc.so.6'],
      soname: 'libdemo.so.2',
      searchPaths: ['$ORIGIN/../demo.libs', '/usr/lib'],
      versions: new Map([
        ['libc.so.6', ['GLIBC_2.17', 'GLIBC_2.34']],
        ['libm.so.6', ['GLIBC_2.29']]
      ]),
      ...(wide ? {} : { arm: ARMV7 })
    })
  })

  test('ARM attributes that are left out are 0, and without a processor nothing is said', () => {
    const arm = { wide: false, machine: 40 }
    expect(readElf(makeElf({ ...arm, arm: { cpu: 6 } }))?.arm).toEqual({
      cpu: 6,
      thumb: 0,
      fp: 0,
      simd: 0,
      vfpArgs: 0
    })
    expect(readElf(makeElf({ ...arm, arm: { fp: 2 } }))?.arm).toBeUndefined()
  })

  test('without any tables', () => {
    expect(readElf(makeElf())).toMatchObject({ needed: [], soname: '', searchPaths: [] })
  })
})

describe('garbage', () => {
  const good = makeElf({
    wide: false,
    machine: 40,
    arm: ARMV7,
    needed: ['a'],
    versions: { a: ['A_1', 'A_2'], b: ['B_1'] }
  })

  test.for(['', 'text', '\x7fELF', '\x7fELF\x02\x01', '\x7fELF\x09\x09'.padEnd(100, '\0')])(
    '%j is no ELF',
    (text) => {
      expect(readElf(Buffer.from(text, 'latin1'))).toBeUndefined()
    }
  )

  test('cut anywhere: nothing, or less, but no exception', () => {
    for (let length = 0; length < good.length; length++) readElf(good.subarray(0, length))
    expect(readElf(good)).toMatchObject({ needed: ['a'], arm: ARMV7 })
  })

  test('with bytes changed: an answer in bounded time', () => {
    const change = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        readElf(bytes)
      }),
      { numRuns: 3_000 }
    )
  })

  test('random bytes behind the magic number', () => {
    const header = fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 300 }))
    fc.assert(
      fc.property(header, ([width, order, rest]) => {
        readElf(Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, width, order]), rest]))
      }),
      { numRuns: 3_000 }
    )
  })

  test('a chain of versions that goes round and round', () => {
    const bytes = makeElf({ versions: { a: ['A_1'], b: ['B_1'] } })
    const chain = bytes.indexOf(Buffer.from([1, 0, 1, 0]))
    bytes.writeUInt16LE(0xffff, chain + 2)
    expect(readElf(bytes)).toBeUndefined()
  })
})

/** The oracle of the research: readelf's own words about the libraries of this machine. */
const folder = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib/arm-linux-gnueabihf'
].find(existsSync)

test('real libraries, as readelf has them', () => {
  const files = readdirSync(folder ?? '').filter((name) => /^lib[a-m].*\.so\.\d+$/.test(name))
  const some = files
    .slice(0, 25)
    .map((name) => `${folder ?? ''}/${name}`)
    .filter((path) => existsSync(path))
  expect(some.length, 'libraries to compare').toBeGreaterThan(0)
  for (const path of some) {
    const shown = execFileSync('readelf', ['-dVW', path], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore']
    })
    const elf = readElf(readFileSync(path))
    const all = (pattern: RegExp): string[] =>
      [...shown.matchAll(pattern)].map((match) => match[1] ?? '').sort()
    expect([...(elf?.needed ?? [])].sort()).toEqual(all(/\(NEEDED\).*\[(.*)\]/g))
    expect([elf?.soname]).toEqual(all(/\(SONAME\).*\[(.*)\]/g))
    const needs = shown.split('Version needs section')[1] ?? ''
    const names = [...needs.matchAll(/Name: (\S+)\s+Flags/g)].map((match) => match[1]).sort()
    expect([...(elf?.versions.values() ?? [])].flat().sort()).toEqual(names)
  }
})
