import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { GZIP_MIN_BYTES } from '../../src/http/http-limits.ts'
import { createPage, type Page } from '../../src/http/page.ts'
import { createPageCache } from '../../src/http/page-cache.ts'

const HEADERS = { 'content-type': 'text/plain', vary: 'Accept' }

function pageOf(size: number): Page {
  return createPage('x'.repeat(size), HEADERS)
}

describe('createPageCache', () => {
  test('a page is kept for its revision alone', () => {
    const cache = createPageCache(10_000)
    const kept = cache.put('a', '1', pageOf(100))
    expect(cache.find('a', '1')).toBe(kept)
    expect(cache.find('a', '2')).toBeUndefined()
    expect(cache.find('b', '1')).toBeUndefined()
    cache.put('a', '2', pageOf(100))
    expect([cache.find('a', '1'), cache.find('a', '2')?.bytes()]).toEqual([undefined, 100])
  })

  test('keeps within its bound, and those that are asked for outlive the others', () => {
    const cache = createPageCache(1_000)
    for (let at = 0; at < 10; at++) cache.put(`old ${at}`, '1', pageOf(100))
    for (let at = 0; at < 100; at++) {
      for (const key of ['old 3', 'old 7']) {
        if (cache.find(key, '1') === undefined) cache.put(key, '1', pageOf(100))
      }
      cache.put(`new ${at}`, '1', pageOf(100))
    }
    const keys = Array.from({ length: 100 }, (_, at) => `new ${at}`).filter((key) => cache.find(key, '1'))
    expect([cache.find('old 3', '1')?.bytes(), cache.find('old 7', '1')?.bytes()]).toEqual([100, 100])
    expect(keys.length).toBe(8)
    expect(keys).toContain('new 99')
  })

  test('a page above the bound is not kept, and drives nobody out', () => {
    const cache = createPageCache(250)
    cache.put('small', '1', pageOf(100))
    expect(cache.put('large', '1', pageOf(300)).bytes()).toBe(300)
    expect([cache.find('large', '1'), cache.find('small', '1')?.bytes()]).toEqual([undefined, 100])
  })

  test('the forms that are made later count, too', async () => {
    const cache = createPageCache(25_000)
    const a = cache.put('a', '1', pageOf(10_000))
    cache.put('b', '1', pageOf(10_000))
    await a.get('gzip')
    await sleep(0)
    expect(a.bytes()).toBeLessThan(100)
    cache.put('c', '1', pageOf(10_000))
    expect(cache.find('a', '1')).toBe(a)
    await a.get('plain')
    await sleep(0)
    const kept = ['a', 'b', 'c'].flatMap((key) => cache.find(key, '1')?.bytes() ?? [])
    expect(kept.length).toBe(2)
    expect(kept.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(25_000)
  })
})

describe('a kept page', () => {
  test('lets go of the plain form when only gzip is asked for, and makes it again of that', async () => {
    const page = createPageCache(100_000).put('a', '1', createPage('0123456789'.repeat(1_000), HEADERS))
    const small = await page.get('gzip')
    expect(page.ready('gzip')).toBe(small)
    expect(page.bytes()).toBe(small.body.byteLength)
    expect(page.ready('plain')).toBeUndefined()
    const plain = await page.get('plain')
    expect(plain.etag).toBe(createPage('0123456789'.repeat(1_000), HEADERS).plain.etag)
    expect(gunzipSync(small.body).equals(plain.body)).toBe(true)
    expect(page.ready('plain')).toBe(plain)
  })

  test('keeps both forms when both are asked for', async () => {
    const page = createPageCache(100_000).put('a', '1', pageOf(10_000))
    const plain = await page.get('plain')
    await page.get('gzip')
    expect(page.ready('plain')).toBe(plain)
  })

  test('of many who ask at once, one makes it', async () => {
    const page = createPageCache(100_000).put('a', '1', pageOf(10_000))
    const [one, ...others] = await Promise.all(Array.from({ length: 5 }, () => page.get('gzip')))
    expect(others.every((other) => other === one)).toBe(true)
  })
})

describe('createPage', () => {
  test('one text has one tag, in both forms a different one', async () => {
    const text = 'x'.repeat(GZIP_MIN_BYTES)
    const [one, other] = [createPage(text, HEADERS), createPage(text, HEADERS)]
    expect(one.plain.etag).toBe(other.plain.etag)
    expect((await one.gzip()).etag).not.toBe(one.plain.etag)
    expect(createPage(`${text}y`, HEADERS).plain.etag).not.toBe(one.plain.etag)
  })

  test('is compressed once, and a small one not at all', async () => {
    const large = createPage('x'.repeat(GZIP_MIN_BYTES), HEADERS)
    expect(await large.gzip()).toBe(await large.gzip())
    const small = createPage('x'.repeat(GZIP_MIN_BYTES - 1), HEADERS)
    expect(await small.gzip()).toBe(small.plain)
  })

  test('a 304 has what a cache must know and nothing about a body', () => {
    const { notModifiedHeaders, etag } = createPage('text', HEADERS).plain
    expect(notModifiedHeaders).toEqual(['vary', 'Accept', 'etag', etag])
  })
})
