import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inspectMade } from '../support/inspect-made-wheel.ts'
import { makeWheel } from '../support/make-wheel.ts'
import type { ZipEntry } from '../support/make-zip.ts'

const MiB = 1024 * 1024

interface Hostile {
  readonly id: string
  readonly entries: readonly ZipEntry[]
  readonly cause: string
}

const hostile: Hostile[] = [
  { id: 'a path out of the folder', entries: [{ name: '../evil.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'a hidden way out', entries: [{ name: 'demo/../../evil.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'an absolute path', entries: [{ name: '/etc/cron.d/evil', data: 'x' }], cause: 'unsafe-member' },
  { id: 'a Windows path', entries: [{ name: '..\\evil.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'a drive', entries: [{ name: 'c:evil.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'an empty segment', entries: [{ name: 'demo//x.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'a dot segment', entries: [{ name: './x.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'a line end in a name', entries: [{ name: 'a\nb.py', data: 'x' }], cause: 'unsafe-member' },
  { id: 'no name', entries: [{ name: '', data: 'x' }], cause: 'unsafe-member' },
  { id: 'an endless name', entries: [{ name: 'x'.repeat(2_000), data: 'x' }], cause: 'unsafe-member' },
  {
    id: 'a name in an unknown alphabet',
    entries: [{ name: 'ä.py', data: 'x', utf8: false }],
    cause: 'unsafe-member'
  },
  {
    id: 'a symbolic link',
    entries: [{ name: 'link', data: '/etc/passwd', mode: 0o120777 }],
    cause: 'unsafe-member'
  },
  { id: 'a device', entries: [{ name: 'null', data: '', mode: 0o020666 }], cause: 'unsafe-member' },
  { id: 'a member twice', entries: [{ name: 'demo.py', data: 'other' }], cause: 'duplicate-member' },
  {
    id: 'a bomb of zeros',
    entries: [{ name: 'zeros', data: Buffer.alloc(80 * MiB), deflate: true }],
    cause: 'archive-bomb'
  },
  {
    id: 'members over each other',
    entries: [
      { name: 'a', data: 'x' },
      { name: 'b', data: 'x', overlap: true }
    ],
    cause: 'archive-bomb'
  },
  {
    id: 'sizes that add up to more than a disk',
    entries: Array.from({ length: 2 }, (_, i) => ({
      name: `${i}`,
      data: 'x',
      deflate: true,
      claimedSize: 0xfffffff0
    })),
    cause: 'archive-too-large'
  },
  {
    id: 'a claim of less than there is',
    entries: [{ name: 'more', data: 'x'.repeat(1_000), deflate: true, claimedSize: 10 }],
    cause: 'malformed-archive'
  },
  {
    id: 'a claim of more than there is',
    entries: [{ name: 'less', data: 'x', deflate: true, claimedSize: 10 }],
    cause: 'malformed-archive'
  },
  {
    id: 'another name in its place',
    entries: [{ name: 'good.py', localName: 'evil.py', data: 'x' }],
    cause: 'malformed-archive'
  }
]

test.for(hostile)('refused: $id', async ({ entries, cause }) => {
  expect(await inspectMade({ extraEntries: entries })).toMatchObject({ kind: 'refused', cause })
})

test('folders and names in any alphabet are fine', async () => {
  const files = { 'demo/übung.py': 'x', 'demo/名.py': 'y' }
  const extraEntries = [{ name: 'demo/data/', data: '', mode: 0o040755 }]
  expect(await inspectMade({ files, extraEntries })).toMatchObject({ kind: 'ok' })
})

describe('spoiled bytes', () => {
  const { bytes } = makeWheel({ name: 'demo', version: '1.0' })

  test('something in front of the archive', async () => {
    const spoil = (good: Buffer): Buffer => Buffer.concat([Buffer.from('#!/bin/sh\n'), good])
    expect(await inspectMade({}, { spoil })).toMatchObject({ kind: 'refused', cause: 'malformed-archive' })
  })

  test('cut anywhere', async () => {
    for (let length = 0; length < bytes.length; length += 17) {
      const inspected = await inspectMade({}, { spoil: (good) => good.subarray(0, length) })
      expect(inspected).toMatchObject({ kind: 'refused', cause: 'malformed-archive' })
    }
  })

  test('any bytes changed: an answer, never an exception', async () => {
    const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const spoil = (good: Buffer): Buffer => {
          const spoiled = Buffer.from(good)
          for (const [at, value] of changes) spoiled[at] = value
          return spoiled
        }
        const { kind } = await inspectMade({}, { spoil })
        expect(['ok', 'refused']).toContain(kind)
      }),
      { numRuns: 300 }
    )
  })
})
