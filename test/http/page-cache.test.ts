import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { GZIP_MIN_BYTES, PAGE_ENTRY_BYTES } from '../../src/http/http-limits.ts'
import { createPage, pageKind, plainForm, type Representation } from '../../src/http/page.ts'
import { createPageCache, type PageShelf } from '../../src/http/page-cache.ts'

const KIND = pageKind({ 'content-type': 'text/plain', vary: 'Accept' })

function formOf(size: number): Representation {
  return plainForm('x'.repeat(size), KIND)
}

function shelfOf(maxBytes: number): PageShelf {
  return createPageCache(maxBytes).shelf()
}

/** A page of so many bytes counts for more. */
const COUNTED = 100 + PAGE_ENTRY_BYTES

describe('createPageCache', () => {
  test('a page is kept for its revision alone', () => {
    const shelf = shelfOf(10_000)
    const kept = shelf.put('a', '1', formOf(100))
    expect(shelf.find('a', '1')).toBe(kept)
    expect(shelf.find('a', '2')).toBeUndefined()
    expect(shelf.find('b', '1')).toBeUndefined()
    shelf.put('a', '2', formOf(100))
    expect([shelf.find('a', '1'), shelf.find('a', '2')?.bytes()]).toEqual([undefined, 100])
  })

  test('keeps within its bound, and those that are asked for outlive the others', () => {
    const shelf = shelfOf(10 * COUNTED)
    for (let at = 0; at < 10; at++) shelf.put(`old ${at}`, '1', formOf(100))
    for (let at = 0; at < 100; at++) {
      for (const name of ['old 3', 'old 7']) {
        if (shelf.find(name, '1') === undefined) shelf.put(name, '1', formOf(100))
      }
      shelf.put(`new ${at}`, '1', formOf(100))
    }
    const names = Array.from({ length: 100 }, (_, at) => `new ${at}`).filter((name) => shelf.find(name, '1'))
    expect([shelf.find('old 3', '1')?.bytes(), shelf.find('old 7', '1')?.bytes()]).toEqual([100, 100])
    expect(names.length).toBe(8)
    expect(names).toContain('new 99')
  })

  test('shelves have their own pages under one bound', () => {
    const cache = createPageCache(3 * COUNTED)
    const [one, other] = [cache.shelf(), cache.shelf()]
    one.put('a', '1', formOf(100))
    expect(other.find('a', '1')).toBeUndefined()
    for (const name of ['a', 'b', 'c']) other.put(name, '1', formOf(100))
    expect(one.find('a', '1')).toBeUndefined()
    expect(['a', 'b', 'c'].every((name) => other.find(name, '1'))).toBe(true)
  })

  test('a page that was replaced counts no more, whatever becomes of it', async () => {
    const shelf = shelfOf(2 * COUNTED + 10_000)
    const old = shelf.put('a', '1', formOf(10_000))
    const making = old.get('gzip')
    shelf.put('a', '2', formOf(100))
    await making
    await sleep(0)
    shelf.put('b', '1', formOf(10_000))
    expect([shelf.find('a', '2')?.bytes(), shelf.find('b', '1')?.bytes()]).toEqual([100, 10_000])
    expect(shelf.find('a', '1')).toBeUndefined()
  })

  test('a page above the bound is not kept, and drives nobody out', () => {
    const shelf = shelfOf(COUNTED + 150)
    shelf.put('small', '1', formOf(100))
    expect(shelf.put('large', '1', formOf(300)).bytes()).toBe(300)
    expect([shelf.find('large', '1'), shelf.find('small', '1')?.bytes()]).toEqual([undefined, 100])
  })

  test('the forms that are made later count, too', async () => {
    const shelf = shelfOf(25_000 + 3 * PAGE_ENTRY_BYTES)
    const a = shelf.put('a', '1', formOf(10_000))
    shelf.put('b', '1', formOf(10_000))
    await a.get('gzip')
    await sleep(0)
    expect(a.bytes()).toBeLessThan(100)
    shelf.put('c', '1', formOf(10_000))
    expect(shelf.find('a', '1')).toBe(a)
    await a.get('plain')
    await sleep(0)
    const kept = ['a', 'b', 'c'].flatMap((name) => shelf.find(name, '1')?.bytes() ?? [])
    expect(kept.length).toBe(2)
    expect(kept.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(25_000)
  })
})

describe('a kept page', () => {
  test('lets go of the plain form when only gzip is asked for, and makes it again of that', async () => {
    const page = shelfOf(100_000).put('a', '1', plainForm('0123456789'.repeat(1_000), KIND))
    const small = await page.get('gzip')
    expect(page.ready('gzip')).toBe(small)
    expect(page.bytes()).toBe(small.body.byteLength)
    expect(page.ready('plain')).toBeUndefined()
    const plain = await page.get('plain')
    expect(plain.etag).toBe(createPage('0123456789'.repeat(1_000)).plain.etag)
    expect(gunzipSync(small.body).equals(plain.body)).toBe(true)
    expect(page.ready('plain')).toBe(plain)
  })

  test('keeps both forms when both are asked for', async () => {
    const page = shelfOf(100_000).put('a', '1', formOf(10_000))
    const plain = await page.get('plain')
    await page.get('gzip')
    expect(page.ready('plain')).toBe(plain)
  })

  test('of many who ask at once, one makes it', async () => {
    const page = shelfOf(100_000).put('a', '1', formOf(10_000))
    const [one, ...others] = await Promise.all(Array.from({ length: 5 }, () => page.get('gzip')))
    expect(others.every((other) => other === one)).toBe(true)
  })
})

describe('createPage', () => {
  test('one text has one tag, in both forms a different one', async () => {
    const text = 'x'.repeat(GZIP_MIN_BYTES)
    const [one, other] = [createPage(text), createPage(text)]
    expect(one.plain.etag).toBe(other.plain.etag)
    expect((await one.gzip()).etag).not.toBe(one.plain.etag)
    expect(createPage(`${text}y`).plain.etag).not.toBe(one.plain.etag)
  })

  test('is compressed once, and a small one not at all', async () => {
    const large = createPage('x'.repeat(GZIP_MIN_BYTES))
    expect(await large.gzip()).toBe(await large.gzip())
    const small = createPage('x'.repeat(GZIP_MIN_BYTES - 1))
    expect(await small.gzip()).toBe(small.plain)
  })

  test('a 304 has what a cache must know and nothing about a body', () => {
    const { notModifiedHeaders, etag } = plainForm('text', KIND, ['x-own', '7'])
    expect(notModifiedHeaders).toEqual(['vary', 'Accept', 'x-own', '7', 'etag', etag])
  })

  test('the headers of both forms tell what they are, and keep what is the page’s own', async () => {
    const plain = plainForm('x'.repeat(GZIP_MIN_BYTES), KIND, ['x-own', '7'])
    const gzip = await plain.compressed()
    const shared = ['content-type', 'text/plain', 'vary', 'Accept']
    const own = ['x-own', '7', 'etag']
    expect(plain.headers).toEqual([...shared, ...own, plain.etag, 'content-length', '1024'])
    const length = ['content-length', String(gzip.body.byteLength)]
    expect(gzip.headers).toEqual([
      ...[...shared, 'content-encoding', 'gzip', ...own],
      ...[`"${plain.etag.slice(1, -1)}-gz"`, ...length]
    ])
    expect((await gzip.inflated()).headers).toEqual(plain.headers)
  })
})
