import { afterEach, describe, expect, test } from 'vitest'
import { createIndexClient } from '../../src/upstream/index-client.ts'
import { aClient, closeServers, demo, demoUpstream, serve } from '../support/demo-upstream.ts'

afterEach(closeServers)

describe('an upstream in trouble', () => {
  test('down: tried three times, then unavailable with the cause', async () => {
    const upstream = await demoUpstream()
    upstream.faults.down = true
    const error: unknown = await aClient(upstream.url)
      .project(demo)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      name: 'UpstreamError',
      code: 'UPSTREAM_UNAVAILABLE',
      detail: { status: 0 }
    })
    expect((error as Error).cause).toBeDefined()
    expect(upstream.requests).toHaveLength(3)
  })

  test.for([500, 502, 503, 429])('%d: tried three times', async (status) => {
    const upstream = await demoUpstream()
    upstream.faults.status = status
    await expect(aClient(upstream.url).project(demo)).rejects.toMatchObject({ detail: { status } })
    expect(upstream.requests).toHaveLength(3)
  })

  test('one that says when to come again is not asked before', async () => {
    const upstream = await demoUpstream()
    upstream.faults.status = 429
    for (const [given, atLeastMs] of [
      ['120', 120_000],
      ['Fri, 01 Jan 2100 00:00:00 GMT', 1e12]
    ] as const) {
      upstream.faults.retryAfter = given
      const before = upstream.requests.length
      const error: unknown = await aClient(upstream.url)
        .project(demo)
        .catch((thrown: unknown) => thrown)
      const { detail } = error as { readonly detail: { readonly retryAfterMs: number } }
      expect(detail.retryAfterMs).toBeGreaterThanOrEqual(atLeastMs)
      expect(upstream.requests.length - before).toBe(1)
    }
  })

  test('one whose Retry-After says nothing is tried again', async () => {
    const upstream = await demoUpstream()
    upstream.faults.status = 503
    upstream.faults.retryAfter = 'in a moment'
    const error: unknown = await aClient(upstream.url)
      .project(demo)
      .catch((thrown: unknown) => thrown)
    expect(error).not.toHaveProperty('detail.retryAfterMs')
    expect(upstream.requests).toHaveLength(3)
  })

  test('back before the last try', async () => {
    const upstream = await demoUpstream()
    upstream.faults.status = 503
    const client = createIndexClient({ indexUrl: upstream.url, userAgent: 'test', retryWaitsMs: [1, 200] })
    const answer = client.project(demo)
    await expect.poll(() => upstream.requests.length).toBe(2)
    upstream.faults.status = undefined
    expect((await answer).kind).toBe('page')
  })

  test('silent: given up after the time without a byte', async () => {
    const upstream = await demoUpstream()
    upstream.faults.delayMs = 60_000
    await expect(aClient(upstream.url, 30).project(demo)).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE'
    })
  })

  test.for([
    { id: 'no content type', headers: {}, body: '{"files":[]}' },
    { id: 'another content type', headers: { 'content-type': 'text/plain' }, body: '{"files":[]}' },
    { id: 'no JSON', headers: { 'content-type': 'application/json' }, body: '{' },
    { id: 'a list', headers: { 'content-type': 'application/json' }, body: '[]' },
    { id: 'no files', headers: { 'content-type': 'application/json' }, body: '{}' },
    {
      id: 'a nest of lists',
      headers: { 'content-type': 'application/json' },
      body: `{"files":[],"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
    }
  ])('malformed: $id', async ({ headers, body }) => {
    const origin = await serve((_path, respond) => {
      respond(200, headers, body)
    })
    await expect(aClient(origin).project(demo)).rejects.toMatchObject({ code: 'UPSTREAM_MALFORMED' })
  })
})
