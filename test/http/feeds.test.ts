import { parseDocument } from 'htmlparser2'
import { describe, expect, test } from 'vitest'
import { atomXml, type AtomFeed } from '../../src/http/atom.ts'
import type { FeedSource } from '../../src/http/feed-routes.ts'
import { testApp } from './http-fixtures.ts'
import { aBuild, aFailedBuild, somePeople } from './people-fixtures.ts'

const feeds: FeedSource = {
  meshId: 'm1',
  mesh: 'garden',
  createdMs: 1_767_000_000_000,
  wheels: (limit, project) => {
    const all = [aBuild({ recordId: 'r2:0', finishedMs: 1_767_225_700_000 }), aBuild()]
    return (project === undefined ? all : all.slice(1)).slice(0, limit)
  },
  failures: () => [aFailedBuild()]
}
const { app } = testApp({ people: somePeople({ feeds }) })

/** Text of every element of this name. */
function texts(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`, 'g'))].map(
    ([, text = '']) => text
  )
}

test('new wheels, newest first, each with an id of its own', async () => {
  const response = await app.request('http://node:8080/feeds/wheels.atom')
  const xml = await response.text()
  expect(response.headers.get('content-type')).toBe('application/atom+xml; charset=utf-8')
  expect(
    xml.startsWith('<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">')
  ).toBe(true)
  expect(texts(xml, 'title')[1]).toBe('demo 1.0 built for cp311-linux_armv7l-glibc2.36')
  expect(texts(xml, 'updated')).toEqual([
    '2026-01-01T00:01:40Z',
    '2026-01-01T00:01:40Z',
    '2026-01-01T00:00:00Z'
  ])
  const ids = texts(xml, 'id')
  expect(new Set(ids).size).toBe(3)
  for (const id of ids)
    expect(id).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(xml).toContain(
    '<link rel="self" type="application/atom+xml" href="http://node:8080/feeds/wheels.atom"/>'
  )
})

test('ids are the same on every node', async () => {
  const [here, there] = await Promise.all(
    ['http://a:1/', 'http://b:2/'].map(async (node) => (await app.request(`${node}feeds/wheels.atom`)).text())
  )
  expect(texts(here!, 'id')).toEqual(texts(there!, 'id'))
})

test('failures say why, and lead to the log', async () => {
  const xml = await (await app.request('http://node/feeds/failures.atom')).text()
  expect(texts(xml, 'summary')[0]).toContain('the header ffi.h is missing')
  expect(xml).toMatch(/href="http:\/\/node\/log\/[0-9a-f]{64}"/)
})

test('a project has a feed of its own, under its one name', async () => {
  expect(texts(await (await app.request('/project/demo/wheels.atom')).text(), 'summary')).toHaveLength(1)
  const moved = await app.request('/project/De.mo/wheels.atom')
  expect([moved.status, moved.headers.get('location')]).toEqual([301, '../de-mo/wheels.atom'])
  expect((await app.request('/project/..%2Fx/wheels.atom')).status).toBe(404)
})

test('a reader that has it is told so', async () => {
  const tag = (await app.request('/feeds/wheels.atom')).headers.get('etag') ?? ''
  expect((await app.request('/feeds/wheels.atom', { headers: { 'if-none-match': tag } })).status).toBe(304)
})

test('pages say where the feeds are', async () => {
  const page = await (await app.request('/', { headers: { accept: 'text/html' } })).text()
  const links = [...page.matchAll(/type="application\/atom\+xml"[^>]*href="([^"]+)"/g)].map(
    ([, href]) => href
  )
  expect(links).toEqual(['./feeds/wheels.atom', './feeds/failures.atom'])
})

/** XML 1.0 §2.2. */
function isXmlChar(code: number): boolean {
  const isControl = code < 0x20 && ![0x9, 0xa, 0xd].includes(code)
  return !isControl && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff
}

function namesOf(nodes: ReturnType<typeof parseDocument>['children']): readonly string[] {
  return nodes.flatMap((node) =>
    'children' in node ? ['name' in node ? node.name : '', ...namesOf(node.children)] : []
  )
}

describe('a feed of odd things', () => {
  const entry = { key: 'k', title: 't', author: 'a', page: 'http://x/', updatedMs: 0, summary: '' }
  const feed: AtomFeed = {
    key: 'f',
    title: 't',
    author: 'a',
    self: 'http://x/f',
    page: 'http://x/',
    createdMs: 5_000,
    entries: []
  }

  test('without entries is as old as the mesh', () => {
    expect(texts(atomXml(feed), 'updated')).toEqual(['1970-01-01T00:00:05Z'])
  })

  test.for(['<b>&"\'', 'a\u0000\u0008\u000bb', 'half \ud83d of a pair', ']]>', '\ufffe\uffff'])(
    'keeps %j harmless',
    (text) => {
      const xml = atomXml({ ...feed, title: text, entries: [{ ...entry, title: text, summary: text }] })
      const codes = Array.from(xml, (char) => char.codePointAt(0) ?? 0)
      expect(codes.filter((code) => !isXmlChar(code))).toEqual([])
      const tags = namesOf(parseDocument(xml, { xmlMode: true }).children)
      expect(tags.filter((name) => name === 'b' || name === 'script')).toEqual([])
      expect(tags.filter((name) => name === 'entry')).toHaveLength(1)
    }
  )

  test.for([NaN, -5, 9e15, Infinity])('%s is a date all the same', (updatedMs) => {
    expect(texts(atomXml({ ...feed, entries: [{ ...entry, updatedMs }] }), 'published')[0]).toMatch(
      /^[+\d]?\d+-\d\d-\d\dT/
    )
  })
})
