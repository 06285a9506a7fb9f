import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectName, Sha256 } from '../../src/core/ids.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import type { TextPacker } from '../../src/core/ports.ts'
import { releasesOf } from '../../src/core/releases.ts'
import type { Observation } from '../../src/ledger/observations.ts'
import { packReleases, unpackReleases } from '../../src/ledger/packed-releases.ts'
import { createPageBook, type PageBook } from '../../src/ledger/page-book.ts'
import { textPacker } from '../../src/node/text-packer.ts'

const SHA = 'a'.repeat(64)

/** Every shape that a release takes: sdists and wheels, yanks with and without a reason, files without this or that. */
function pageOf(project: string, versions: number): object {
  const name = project.replaceAll('-', '_')
  const files = Array.from({ length: versions }, (_, at) => [
    {
      filename: `${name}-1.${at}.tar.gz`,
      url: `https://files.example/${name}-1.${at}.tar.gz`,
      ...(at % 3 === 0 ? {} : { hashes: { sha256: sha256Hex(`${name} ${at}`) }, size: at }),
      ...(at % 4 === 1 ? { yanked: 'broken “quote” ✓' } : {})
    },
    {
      filename: `${name}-1.${at}-1-py2.py3-none-any.whl`,
      url: `https://files.example/${name}-1.${at}-1-py2.py3-none-any.whl`,
      hashes: { sha256: SHA },
      'requires-python': '>=3.8,!=3.9.0',
      'upload-time': '2024-01-01T00:00:00.000000Z',
      yanked: at % 4 === 1
    },
    { filename: `${name}-1.${at}.linux-x86_64.exe`, url: 'https://files.example/x.exe' },
    {
      filename: `${name}-2.${at}b1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl`,
      url: 'https://files.example/y.whl'
    }
  ])
  return { meta: { 'api-version': '1.4' }, name: project, files: files.flat() }
}

const observed = new Map<ProjectName, Sha256>()
const observations = {
  newest: (project: ProjectName) => {
    const page = observed.get(project)
    return page && ({ record: { page } } as unknown as Observation)
  }
}

function put(book: PageBook, text: string, versions: number): ProjectName {
  const project = normalizeName(text)
  const body = new TextEncoder().encode(JSON.stringify(pageOf(text, versions)))
  const digest = sha256Hex(body)
  observed.set(project, digest)
  expect(book.put(project, digest, body)).toBe(true)
  return project
}

test('releases come out of their package as they went in', () => {
  const releases = releasesOf(parseProjectPage(pageOf('demo', 13), normalizeName('demo')))
  expect(releases.length).toBe(26)
  expect(unpackReleases(packReleases(releases))).toEqual(releases)
  const packed = textPacker.pack(packReleases(releases))
  expect(unpackReleases(textPacker.unpack(packed))).toEqual(releases)
  expect(packed.length).toBeLessThan(packReleases(releases).length / 3)
})

describe('a page book', () => {
  /** Counts what is looked at in its package. */
  function counted(): { readonly packer: TextPacker; unpacked: number } {
    const counter = {
      unpacked: 0,
      packer: {
        pack: (text: string) => textPacker.pack(text),
        unpack: (packed: string) => {
          counter.unpacked += 1
          return textPacker.unpack(packed)
        }
      }
    }
    return counter
  }

  test('knows the releases of every project, however many there are, and the same lists while they are in use', () => {
    const counter = counted()
    const book = createPageBook(observations, counter.packer)
    const names = Array.from({ length: 30 }, (_, at) => put(book, `demo-${at}`, 150))
    const [first, last] = [names[0]!, names.at(-1)!]
    expect(book.releases(last)?.releases).toBe(book.releases(last)?.releases)
    expect(counter.unpacked).toBe(0)
    const known = book.releases(first)
    expect(book.missing(first)).toBeUndefined()
    expect([known?.digest, counter.unpacked]).toEqual([observed.get(first), 0])
    expect(known?.releases).toEqual(releasesOf(parseProjectPage(pageOf('demo-0', 150), first)))
    expect(known?.releases).toBe(book.releases(first)?.releases)
    expect(counter.unpacked).toBe(1)
  })

  test('keeps the pages used last whole, and of large ones few', () => {
    const book = createPageBook(observations, textPacker)
    const names = Array.from({ length: 20 }, (_, at) => put(book, `large-${at}`, 130))
    expect(names.filter((name) => book.page(name) !== undefined)).toEqual(names.slice(-16))
    const small = Array.from({ length: 30 }, (_, at) => put(book, `small-${at}`, 1))
    expect(small.every((name) => book.page(name) !== undefined)).toBe(true)
    expect(names.filter((name) => book.page(name) !== undefined).length).toBeLessThan(10)
    expect(names.every((name) => book.releases(name)?.releases.length === 260)).toBe(true)
  })

  test('a page that was replaced is missing until its bytes come', () => {
    const book = createPageBook(observations, textPacker)
    const project = put(book, 'demo', 3)
    observed.set(project, sha256Hex('other'))
    expect([book.releases(project), book.page(project)]).toEqual([undefined, undefined])
    expect(book.missing(project)).toBeDefined()
    put(book, 'demo', 4)
    expect(book.releases(project)?.releases.length).toBe(8)
  })
})
