import { afterEach, describe, expect, test } from 'vitest'
import type { UpstreamNews } from '../../src/core/ports.ts'
import { parseUpdateFeed } from '../../src/upstream/parse-feed.ts'
import { JsonListParser } from '../../src/upstream/project-list.ts'
import { aClient, closeServers, demoUpstream, serve } from '../support/demo-upstream.ts'

afterEach(closeServers)

function newsOf(url: string): UpstreamNews {
  const { news } = aClient(url)
  if (news === undefined) throw new TypeError('this client reads no news')
  return news
}

async function listOf(news: UpstreamNews): Promise<Readonly<Record<string, number>>> {
  const listed: Record<string, number> = {}
  await news.projects({
    onProject: (name, serial) => {
      listed[name] = serial
    }
  })
  return listed
}

/** What the parser tells when the list comes in pieces of so many bytes. */
function piecewise(json: string, size: number): readonly (readonly [string, number])[] {
  const told: (readonly [string, number])[] = []
  const parser = new JsonListParser((name, serial) => void told.push([name, serial]))
  const bytes = Buffer.from(json)
  for (let at = 0; at < bytes.length; at += size) parser.write(bytes.subarray(at, at + size))
  parser.end()
  return told
}

describe('the list of all projects', () => {
  test('with its serials, as JSON', async () => {
    const upstream = await demoUpstream()
    upstream.publish('Other.Project', { filename: 'other-1.tar.gz', bytes: Buffer.from('x') })
    const answer = await newsOf(upstream.url).projects({ onProject: () => undefined })
    expect(answer).toMatchObject({ kind: 'listed', projects: 2, serials: true })
    expect(await listOf(newsOf(upstream.url))).toEqual({ demo: 2, 'other-project': 3 })
  })

  test('without serials, as JSON and as HTML', async () => {
    const upstream = await demoUpstream()
    upstream.faults.noSerials = true
    expect(await listOf(newsOf(upstream.url))).toEqual({ demo: 0 })
    upstream.faults.htmlOnly = true
    const answer = await newsOf(upstream.url).projects({ onProject: () => undefined })
    expect(answer).toMatchObject({ projects: 1, serials: false })
    expect(await listOf(newsOf(upstream.url))).toEqual({ demo: 0 })
  })

  const tricky = JSON.stringify({
    meta: { 'api-version': '1.4', '_last-serial': 9 },
    projects: [
      { name: 'a"b}', '_last-serial': 1 },
      { name: 'back\\slash', '_last-serial': 2 },
      { '_last-serial': 3, name: 'schön', more: { deep: [1, { name: 'no' }] } },
      { name: 'no-serial', '_last-serial': 'x' },
      { 'not-a-name': 5 }
    ],
    projects_of_tomorrow: [{ name: 'also-listed' }]
  })

  test.for([1, 2, 3, 7, 64, 100_000])('comes in pieces of %d bytes', (size) => {
    expect(piecewise(tricky, size)).toEqual([
      ['a"b}', 1],
      ['back\\slash', 2],
      ['schön', 3],
      ['no-serial', 0],
      ['also-listed', 0]
    ])
  })

  test('an entry that is too long is passed over, not kept', () => {
    const long = { name: 'x'.repeat(100_000), '_last-serial': 1 }
    const list = JSON.stringify({ projects: [long, { name: 'demo', '_last-serial': 2 }] })
    expect(piecewise(list, 1_000)).toEqual([['demo', 2]])
  })

  test.for([
    { id: 'broken off', body: '{"projects":[{"name":"demo"},{"name":' },
    { id: 'brackets that do not match', body: '{"projects":[]}}}' },
    { id: 'an entry that is no JSON', body: '{"projects":[{name: demo}]}' }
  ])('malformed: $id', async ({ body }) => {
    const origin = await serve((_path, respond) => {
      respond(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' }, body)
    })
    await expect(listOf(newsOf(`${origin}/simple/`))).rejects.toMatchObject({ code: 'UPSTREAM_MALFORMED' })
  })

  test('names that are none are passed over', async () => {
    const list = { projects: [{ name: '../../etc' }, { name: '<script>' }, { name: 'demo' }, 7, null] }
    const origin = await serve((_path, respond) => {
      respond(200, { 'content-type': 'application/json' }, JSON.stringify(list))
    })
    expect(await listOf(newsOf(`${origin}/simple/`))).toEqual({ demo: 0 })
  })
})

describe('the feed of updates', () => {
  test('is read where there is one, and asked for with its tag', async () => {
    const upstream = await demoUpstream()
    upstream.faults.feed = true
    const news = newsOf(upstream.url)
    const first = await news.updates()
    expect(first).toMatchObject({ kind: 'updates', updates: [{ project: 'demo' }] })
    const etag = first.kind === 'updates' ? first.etag : ''
    expect(await news.updates({ etag })).toEqual({ kind: 'not-modified' })
    upstream.publish('other', { filename: 'other-1.tar.gz', bytes: Buffer.from('x') })
    const next = await news.updates({ etag })
    expect(next).toMatchObject({ updates: [{ project: 'other' }, { project: 'demo' }] })
  })

  test('an index without one says so in its own way', async () => {
    const upstream = await demoUpstream()
    expect(await newsOf(upstream.url).updates()).toEqual({ kind: 'missing' })
    const origin = await serve((_path, respond) => {
      respond(200, { 'content-type': 'text/html' }, '<h1>Welcome</h1>')
    })
    expect(await newsOf(`${origin}/simple/`).updates()).toEqual({ kind: 'missing' })
    upstream.faults.status = 503
    await expect(newsOf(upstream.url).updates()).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
  })

  test('as PyPI has it; what names no project is passed over', () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>
      <rss version="2.0"><channel><title>PyPI recent updates</title><link>https://index.invalid/</link>
      <item><title>Zope.Interface 7.0</title><link>https://index.invalid/project/zope-interface/7.0/</link>
        <description>A &lt;b&gt;summary&lt;/b&gt;</description></item>
      <item><title>demo 1.0</title></item>
      <item><title>&lt;script&gt;</title><link>https://index.invalid/</link></item>
      <item><title>demo 1.1</title><link>https://index.invalid/project/demo/1.1/</link></item>
      </channel></rss>`
    expect(parseUpdateFeed(xml).map(({ project }) => project)).toEqual(['zope-interface', 'demo', 'demo'])
    expect(new Set(parseUpdateFeed(xml).map(({ id }) => id)).size).toBe(3)
  })

  test('a feed without end is read to a bound', () => {
    const items = '<item><title>demo 1</title></item>'.repeat(5_000)
    expect(parseUpdateFeed(`<rss>${items}`)).toHaveLength(1_000)
    expect(parseUpdateFeed(`<rss>${'<item><title>'.repeat(10_000)}`)).toEqual([])
  })
})
