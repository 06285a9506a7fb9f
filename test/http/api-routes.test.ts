import { describe, expect, test } from 'vitest'
import { apiError } from '../../src/http/api-error.ts'
import type { ErrorView } from '../../src/http/error-types.ts'
import { MAX_BODY_BYTES } from '../../src/http/http-limits.ts'
import { CP311, TOKEN, type TestApp, testApp } from './http-fixtures.ts'

const AUTHORISED = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

function post(
  { app }: Pick<TestApp, 'app'>,
  path: string,
  body: unknown,
  headers: Record<string, string> = {}
): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return Promise.resolve(
    app.request(path, { method: 'POST', body: text, headers: { ...AUTHORISED, ...headers } })
  )
}

async function errorOf(response: Response): Promise<ErrorView['error']> {
  return ((await response.json()) as ErrorView).error
}

describe('reading', () => {
  test.for(['status', 'nodes', 'jobs', 'builds', 'wants', 'why/Demo'])(
    'GET %s is open to anyone',
    async (path) => {
      const response = await testApp().app.request(`/api/v1/${path}`)
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    }
  )

  test('a list can be narrowed', async () => {
    const { app, control } = testApp()
    await app.request(`/api/v1/jobs?state=failed&target=${CP311}&project=demo&limit=5`)
    await app.request('/api/v1/builds')
    await app.request('/api/v1/wants?id=w1')
    expect(control.calls).toEqual([
      { state: 'failed', target: CP311, project: 'demo', limit: 5 },
      { limit: 200 },
      { id: 'w1' }
    ])
  })

  test.for(['stat=failed', 'state=done', 'limit=0', 'limit=x', 'limit=99999', '__proto__=1'])(
    'a filter %s is refused, not passed over',
    async (query) => {
      const response = await testApp().app.request(`/api/v1/jobs?${query}`)
      expect([response.status, (await errorOf(response)).code]).toEqual([400, 'BAD_REQUEST'])
    }
  )

  test('why: unknown projects and what is no name', async () => {
    expect((await testApp().app.request('/api/v1/why/unknown')).status).toBe(404)
    expect((await testApp().app.request('/api/v1/why/..%2Fx')).status).toBe(400)
  })

  test.for(['/api/v1/nothing', '/api/v2/status', '/api/'])('%s is a JSON 404', async (path) => {
    expect(await errorOf(await testApp().app.request(path))).toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('changing', () => {
  test('a want is read, checked and handed on', async () => {
    const { app, control } = testApp()
    const response = await post({ app }, '/api/v1/wants', {
      specs: ['numpy>=2', 'demo'],
      targets: [CP311],
      atomic: true
    })
    expect([response.status, await response.json()]).toEqual([
      201,
      { want: 'w1', jobs: [expect.any(Object)] }
    ])
    expect(control.calls).toEqual([
      { specs: ['numpy>=2', 'demo'], targets: [CP311], batch: true, atomic: true }
    ])
  })

  test('an invitation and the four actions', async () => {
    const { app, control } = testApp()
    const invited = await post({ app }, '/api/v1/invites', { uses: 3, ttlMs: 86_400_000, roles: ['build'] })
    expect([invited.status, await invited.json()]).toEqual([201, { ticket: 'cw1-ticket' }])
    for (const action of ['pause', 'finish', 'resume', 'leave']) {
      expect((await post({ app }, `/api/v1/${action}`, {})).status).toBe(200)
    }
    expect(control.calls.slice(1)).toEqual([{ reason: '', now: false }, 'finish', 'resume', 'leave'])
  })

  const badBodies = [
    { id: 'no JSON', path: 'wants', body: '{' },
    { id: 'no object', path: 'wants', body: [] },
    { id: 'null', path: 'wants', body: null },
    { id: 'no specs', path: 'wants', body: {} },
    { id: 'empty specs', path: 'wants', body: { specs: [] } },
    { id: 'a blank spec', path: 'wants', body: { specs: [' '] } },
    { id: 'a spec without end', path: 'wants', body: { specs: ['a'.repeat(501)] } },
    { id: 'specs of numbers', path: 'wants', body: { specs: [1] } },
    { id: 'too many specs', path: 'wants', body: { specs: Array.from({ length: 501 }, () => 'a') } },
    { id: 'a wrong target', path: 'wants', body: { specs: ['a'], targets: ['cp311'] } },
    { id: 'a flag that is none', path: 'wants', body: { specs: ['a'], batch: 'yes' } },
    { id: 'an unknown field', path: 'wants', body: { specs: ['a'], spec: 'a' } },
    { id: 'no uses', path: 'invites', body: { ttlMs: 1 } },
    { id: 'no uses at all', path: 'invites', body: { uses: 0, ttlMs: 1 } },
    { id: 'half a use', path: 'invites', body: { uses: 1.5, ttlMs: 1 } },
    { id: 'a life without end', path: 'invites', body: { uses: 1, ttlMs: 1e15 } },
    { id: 'a role that is none', path: 'invites', body: { uses: 1, ttlMs: 1, roles: ['root'] } },
    { id: 'a pause of no time', path: 'pause', body: { forMs: 0 } },
    { id: 'a pause beyond all years', path: 'pause', body: { forMs: 366 * 86_400_000 } },
    { id: 'a reason of two lines', path: 'pause', body: { reason: 'a\nb' } },
    { id: 'a reason without end', path: 'pause', body: { reason: 'a'.repeat(201) } },
    { id: 'a now that is none', path: 'pause', body: { now: 1 } }
  ]
  test.for(badBodies)('refused: $id', async ({ path, body }) => {
    const { app, control } = testApp()
    const response = await post({ app }, `/api/v1/${path}`, body)
    const { code, message } = await errorOf(response)
    expect([response.status, code, control.calls]).toEqual([400, 'BAD_REQUEST', []])
    expect(message).not.toBe('')
  })

  test('a body above the bound is refused', async () => {
    const response = await post(testApp(), '/api/v1/wants', { specs: ['a'.repeat(MAX_BODY_BYTES)] })
    expect([response.status, (await errorOf(response)).code]).toEqual([413, 'TOO_LARGE'])
  })

  test('what the node itself refuses reaches the client with its hint', async () => {
    const { app, control } = testApp()
    control.want = () => Promise.reject(apiError('CONFLICT', 'the node is leaving', 'ask another one'))
    const response = await post({ app }, '/api/v1/wants', { specs: ['a'] })
    expect([response.status, await errorOf(response)]).toEqual([
      409,
      { code: 'CONFLICT', message: 'the node is leaving', hint: 'ask another one' }
    ])
  })

  test('a fault of ours is a 500 that tells nothing of the inside', async () => {
    const { app, control } = testApp()
    control.want = () => Promise.reject(new Error('secret path /x'))
    const response = await post({ app }, '/api/v1/wants', { specs: ['a'] })
    const text = await response.text()
    expect(response.status).toBe(500)
    expect(text).toContain('INTERNAL')
    expect(text).not.toContain('secret')
  })
})

describe('who may change', () => {
  const refused: { id: string; headers: Record<string, string>; status: number }[] = [
    { id: 'no token', headers: { authorization: '' }, status: 401 },
    { id: 'another token', headers: { authorization: 'Bearer other' }, status: 401 },
    { id: 'the token and more', headers: { authorization: `Bearer ${TOKEN}x` }, status: 401 },
    { id: 'the token without Bearer', headers: { authorization: TOKEN }, status: 401 },
    { id: 'a form', headers: { 'content-type': 'text/plain' }, status: 415 },
    { id: 'a page of another site', headers: { origin: 'https://evil.example' }, status: 403 },
    { id: 'a page of another port', headers: { origin: 'http://localhost:1' }, status: 403 },
    { id: 'a page without origin', headers: { origin: 'null' }, status: 403 },
    { id: 'a browser that says cross-site', headers: { 'sec-fetch-site': 'cross-site' }, status: 403 },
    {
      id: 'a name pointed at us (DNS rebinding)',
      headers: { host: 'evil.example', origin: 'http://evil.example' },
      status: 403
    }
  ]
  test.for(refused)('not: $id', async ({ headers, status }) => {
    const { app, control } = testApp()
    const response = await post({ app }, '/api/v1/wants', { specs: ['a'] }, { host: 'localhost', ...headers })
    expect([response.status, control.calls]).toEqual([status, []])
  })

  test.for([
    'localhost:8080',
    '127.0.0.1:8080',
    '[::1]:8080',
    '192.168.1.7:8080',
    'pi-kitchen',
    'pi.local:80'
  ])('a page of this node at %s', async (host) => {
    const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    const normal = { ...headers, origin: new URL(headers.origin).origin }
    const response = await post(
      testApp(),
      '/api/v1/wants',
      { specs: ['a'] },
      { ...normal, host: new URL(normal.origin).host }
    )
    expect(response.status).toBe(201)
  })

  test('nobody, when the node has no token', async () => {
    const { parts } = testApp()
    const { createApp } = await import('../../src/http/app.ts')
    const response = await post(
      { app: createApp(parts, { token: '' }) },
      '/api/v1/leave',
      {},
      { authorization: 'Bearer ' }
    )
    expect(response.status).toBe(401)
  })

  test('a change is never made by GET', async () => {
    const { app, control } = testApp()
    expect((await app.request('/api/v1/leave', { headers: AUTHORISED })).status).toBe(404)
    expect(control.calls).toEqual([])
  })
})
