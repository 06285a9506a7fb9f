import { describe, expect, test } from 'vitest'
import { GZIP_MIN_BYTES } from '../../src/http/http-limits.ts'
import { createPage, createPageCache } from '../../src/http/page-cache.ts'

const HEADERS = { 'content-type': 'text/plain', vary: 'Accept' }

function counted(size: number) {
  const state = { renders: 0 }
  const render = () => {
    state.renders += 1
    return createPage('x'.repeat(size), HEADERS)
  }
  return { state, render }
}

describe('createPageCache', () => {
  test('renders once for one revision', () => {
    const cache = createPageCache(10_000)
    const { state, render } = counted(100)
    expect(cache.get('a', '1', render)).toBe(cache.get('a', '1', render))
    expect(state.renders).toBe(1)
    cache.get('a', '2', render)
    cache.get('a', '1', render)
    expect(state.renders).toBe(3)
  })

  test('forgets what was not asked for longest, and keeps within its bound', () => {
    const cache = createPageCache(250)
    const pages = { a: counted(100), b: counted(100), c: counted(100) }
    cache.get('a', '1', pages.a.render)
    cache.get('b', '1', pages.b.render)
    cache.get('a', '1', pages.a.render)
    cache.get('c', '1', pages.c.render)
    for (const name of ['a', 'c', 'b'] as const) cache.get(name, '1', pages[name].render)
    expect([pages.a.state.renders, pages.b.state.renders, pages.c.state.renders]).toEqual([1, 2, 1])
  })

  test('a page above the bound is not kept, and drives nobody out', () => {
    const cache = createPageCache(250)
    const [small, large] = [counted(100), counted(300)]
    cache.get('small', '1', small.render)
    cache.get('large', '1', large.render)
    cache.get('large', '1', large.render)
    cache.get('small', '1', small.render)
    expect([small.state.renders, large.state.renders]).toEqual([1, 2])
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
    const before = large.bytes()
    expect(await large.gzip()).toBe(await large.gzip())
    expect(large.bytes()).toBeGreaterThan(before)
    const small = createPage('x'.repeat(GZIP_MIN_BYTES - 1), HEADERS)
    expect(await small.gzip()).toBe(small.plain)
  })

  test('a 304 has what a cache must know and nothing about a body', () => {
    const { notModifiedHeaders, etag } = createPage('text', HEADERS).plain
    expect(notModifiedHeaders).toEqual({ vary: 'Accept', etag })
  })
})
