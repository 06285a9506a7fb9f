import { afterEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { ProjectPage } from '../../src/core/project-page.ts'
import {
  aClient,
  closeServers,
  demo,
  demoSdist,
  demoUpstream,
  demoWheel,
  pageOf,
  serve
} from '../support/demo-upstream.ts'

afterEach(closeServers)

describe('a project page', () => {
  test('as JSON, with absolute URLs, its serial and its ETag', async () => {
    const upstream = await demoUpstream()
    const answer = await aClient(upstream.url).project(demo)
    const page = pageOf(answer)
    expect(answer).toMatchObject({ kind: 'page', page: { serial: 2 } })
    expect(page.files.map(({ filename, url }) => ({ filename, url }))).toEqual([
      {
        filename: demoSdist.filename,
        url: new URL(`/files/${sha256Hex(demoSdist.bytes)}/${demoSdist.filename}`, upstream.url).href
      },
      {
        filename: demoWheel.filename,
        url: new URL(`/files/${sha256Hex(demoWheel.bytes)}/${demoWheel.filename}`, upstream.url).href
      }
    ])
    expect(upstream.requests[0]?.headers['user-agent']).toBe('commonwheel-test/0')
  })

  test('as HTML says the same as JSON, where it can', async () => {
    const upstream = await demoUpstream()
    const json = pageOf(await aClient(upstream.url).project(demo))
    upstream.faults.htmlOnly = true
    const answer = await aClient(upstream.url).project(demo)
    expect(answer).toMatchObject({ page: { serial: 2 } })
    const common = ({
      filename,
      url,
      sha256,
      requiresPython,
      yanked,
      raw
    }: ProjectPage['files'][number]): unknown => ({
      filename,
      url,
      sha256,
      requiresPython,
      yanked,
      metadata: raw['core-metadata'] ?? false
    })
    expect(pageOf(answer).files.map(common)).toEqual(json.files.map(common))
  })

  test('not modified, by ETag, until something is published', async () => {
    const upstream = await demoUpstream()
    const client = aClient(upstream.url)
    const first = await client.project(demo)
    const etag = first.kind === 'page' ? first.page.etag : ''
    expect(await client.project(demo, { etag })).toEqual({ kind: 'not-modified' })
    upstream.publish('demo', { filename: 'demo-1.1.tar.gz', bytes: Buffer.from('more') })
    expect(pageOf(await client.project(demo, { etag })).files).toHaveLength(3)
  })

  test('not modified, by its content, where the index has no ETags', async () => {
    let files = '[]'
    const origin = await serve((_path, respond) => {
      respond(200, { 'content-type': 'application/json' }, `{"files":${files}}`)
    })
    const client = aClient(origin)
    const first = await client.project(demo)
    const etag = first.kind === 'page' ? first.page.etag : ''
    expect(await client.project(demo, { etag })).toEqual({ kind: 'not-modified' })
    files = '[{}]'
    expect(await client.project(demo, { etag })).toMatchObject({ kind: 'page' })
  })

  test('missing', async () => {
    const upstream = await demoUpstream()
    upstream.remove('demo')
    expect(await aClient(upstream.url).project(demo)).toEqual({ kind: 'missing' })
    expect(upstream.requests).toHaveLength(1)
  })

  test('an index without serials has serial 0', async () => {
    const upstream = await demoUpstream()
    upstream.faults.noSerials = true
    expect(await aClient(upstream.url).project(demo)).toMatchObject({ page: { serial: 0 } })
  })

  test('callers at the same time share one request', async () => {
    const upstream = await demoUpstream()
    upstream.faults.delayMs = 50
    const client = aClient(upstream.url)
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.project(demo)))
    expect(upstream.requests).toHaveLength(1)
    expect(new Set(answers.map((answer) => answer.kind))).toEqual(new Set(['page']))
  })

  test('one caller that gives up does not take the answer from the other', async () => {
    const upstream = await demoUpstream()
    upstream.faults.delayMs = 100
    const client = aClient(upstream.url)
    const impatient = client.project(demo, { signal: AbortSignal.timeout(10) })
    const patient = client.project(demo, { signal: AbortSignal.timeout(5_000) })
    await expect(impatient).rejects.toMatchObject({ name: 'TimeoutError' })
    expect((await patient).kind).toBe('page')
  })

  test('a redirect is followed and URLs are relative to where it led', async () => {
    const upstream = await demoUpstream()
    const moved = await serve((path, respond) => {
      respond(302, { location: `${upstream.url}demo/` }, '')
      expect(path).toBe('/index/demo/')
    })
    const answer = await aClient(`${moved}/index`).project(demo)
    expect(pageOf(answer).files[0]?.url).toContain(new URL(upstream.url).origin)
  })

  test('credentials of the index URL go as a header to its origin, into no message', async () => {
    const seen: (string | undefined)[] = []
    const origin = await serve((_path, respond, authorization) => {
      seen.push(authorization)
      respond(403, {}, '')
    })
    const url = origin.replace('http://', 'http://some%20one:secret@')
    const error: unknown = await aClient(url)
      .project(demo)
      .catch((thrown: unknown) => thrown)
    expect(seen).toEqual([`Basic ${Buffer.from('some one:secret').toString('base64')}`])
    expect(String(error)).not.toContain('secret')
    expect(error).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', detail: { status: 403 } })
  })
})
