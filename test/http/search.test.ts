import { expect, test } from 'vitest'
import type { SearchSource } from '../../src/http/search-routes.ts'
import { testApp } from './http-fixtures.ts'
import { somePeople } from './people-fixtures.ts'

const asked: { query: string; limit: number }[] = []
const search: SearchSource = {
  find: async (query, limit) => {
    asked.push({ query, limit })
    const projects = query === 'num' ? [{ name: 'numpy', note: '3 wheels of this mesh' }] : []
    return { projects, known: 40, ...(query === 'nothing' ? { unknown: 'nothing' } : {}) }
  }
}
const { app } = testApp({ people: somePeople({ search }) })

test('a form without any script finds projects', async () => {
  const response = await app.request('/search?q=num')
  const text = await response.text()
  expect(response.headers.get('content-security-policy')).toContain("script-src 'self'")
  expect(text).toMatch(/<a href="project\/numpy">numpy<\/a>/)
  expect(text).toContain('3 wheels of this mesh')
  expect(text).toContain('value="num"')
})

test('what is not known can be looked at upstream', async () => {
  expect(await (await app.request('/search?q=nothing')).text()).toContain('<a href="project/nothing">')
})

test('programs get JSON', async () => {
  const response = await app.request('/search/json?q=num&limit=8')
  expect(await response.json()).toEqual({
    query: 'num',
    known: 40,
    unknown: null,
    projects: [{ name: 'numpy', note: '3 wheels of this mesh', url: '../project/numpy' }]
  })
  expect(asked.at(-1)).toEqual({ query: 'num', limit: 8 })
})

test.for([
  ['/search', '', 100],
  ['/search/json', '', 100],
  [`/search/json?q=${'x'.repeat(900)}&limit=99999`, 'x'.repeat(200), 100],
  ['/search/json?q=a&limit=9999', 'a', 500],
  ['/search/json?q=a&limit=0', 'a', 1],
  ['/search/json?q=a&limit=-1', 'a', 100]
] as const)('%s is bounded', async ([path, query, limit]) => {
  expect((await app.request(path)).status).toBe(200)
  expect(asked.at(-1)).toEqual({ query, limit })
})

test('what was typed stays text', async () => {
  const text = await (await app.request(`/search?q=${encodeURIComponent('"><script>x</script>')}`)).text()
  expect(text).not.toContain('<script>x')
  expect(text).toContain('&quot;&gt;&lt;script&gt;')
})

test('an answer has a tag, comes small to who knows gzip, and is not sent twice', async () => {
  const plain = await app.request('/search?q=num')
  const small = await app.request('/search?q=num', { headers: { 'accept-encoding': 'gzip' } })
  expect(small.headers.get('content-encoding')).toBe('gzip')
  expect(small.headers.get('etag')).not.toBe(plain.headers.get('etag'))
  const again = await app.request('/search?q=num', {
    headers: { 'if-none-match': plain.headers.get('etag') ?? '' }
  })
  expect([again.status, await again.text()]).toEqual([304, ''])
})

test('the script of the pages is kept for ever, under the digest of its bytes', async () => {
  const page = await (await app.request('/', { headers: { accept: 'text/html' } })).text()
  const path = /src="\.(\/assets\/[0-9a-f]{16}\/search\.js)"/.exec(page)?.[1] ?? ''
  const response = await app.request(path)
  expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect(response.headers.get('cache-control')).toContain('immutable')
  expect(await response.text()).toContain('aria-activedescendant')
  expect((await app.request(path.replace(/[0-9a-f]{16}/, '0'.repeat(16)))).status).toBe(404)
  expect((await app.request('/assets/..%2f..%2fpackage.json/x')).status).toBe(404)
})
