import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { createApp, type NodeApp } from '../../src/http/app.ts'
import type { IndexSource } from '../../src/http/simple-index.ts'
import { createHttpServer, type HttpServer } from '../../src/http/server.ts'
import { rawAnswer, requestOf } from './raw-answer.ts'
import { aMerged, aPublished, testApp, upstreamFile, upstreamPage } from './http-fixtures.ts'

const JSON_V1 = 'application/vnd.pypi.simple.v1+json'
const PIP = `${JSON_V1}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`
const DEMO = normalizeName('demo')

const merged =
  mergeProject({
    page: upstreamPage(Array.from({ length: 20 }, (_, at) => upstreamFile(`demo-1.${at}.tar.gz`))),
    wheels: [aPublished('demo-1.0-cp311-cp311-linux_armv7l.whl')],
    fits: fileFitsTarget
  }) ?? aMerged()

let ageMs = 5
const index: IndexSource = {
  project: async (name) => (name === DEMO ? { merged, revision: '1', ageMs } : undefined),
  projectNames: async () => ['demo'],
  standing: (name) => (name === 'demo' ? { revision: '1', ageMs } : undefined)
}

/** The same pages from two servers, of which one has nothing in front of its router. */
const seen: string[] = []
const demand = { seen: (name: string, agent: string): void => void seen.push(`${name} ${agent}`) }
const direct = createApp(testApp({ index, staged: index, demand }).parts, { token: 't' })
const routed = createApp(testApp({ index, staged: index, demand }).parts, { token: 't' })
let answered = 0

function counting(app: NodeApp): NodeApp {
  const { direct: answer } = app
  return Object.assign(app, {
    direct: (...args: Parameters<typeof answer>) => {
      const did = answer(...args)
      if (did) answered += 1
      return did
    }
  })
}
const servers: HttpServer[] = [
  createHttpServer(counting(direct), { host: '127.0.0.1', port: 0, closeGraceMs: 100 }),
  createHttpServer(Object.assign(routed, { direct: () => false }), {
    host: '127.0.0.1',
    port: 0,
    closeGraceMs: 100
  })
]

beforeAll(async () => {
  for (const server of servers) await server.start()
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

/** Of ASCII and Latin-1. */
function charsOf(text: string): string[] {
  return Array.from(text)
}

async function both(request: string): Promise<readonly [string, string]> {
  return [await rawAnswer(servers[0], request), await rawAnswer(servers[1], request)]
}

const ACCEPTS = [[], [`accept: ${PIP}`], ['accept: text/html'], [`accept: ${JSON_V1};q=0`], ['accept: ,,;q=']]
const ENCODINGS = [[], ['accept-encoding: gzip, deflate'], ['accept-encoding: identity, gzip;q=0']]

async function sameOnBothWays(path: string, headers: readonly string[]): Promise<void> {
  await both(requestOf('GET', path, headers))
  const before = answered
  const [hot, cold] = await both(requestOf('GET', path, headers))
  expect(hot).toBe(cold)
  expect(answered).toBe(before + 1)
  expect(hot.includes('x-commonwheel-page-age: 3600')).toBe(ageMs > 5)
  const etag = /^etag: (.*)$/m.exec(hot)?.[1] ?? ''
  const [again, other] = await both(requestOf('GET', path, [...headers, `if-none-match: W/${etag}, "x"`]))
  expect(again).toBe(other)
  expect(again).toMatch(/^HTTP\/1\.1 304 /)
  const [head, full] = await both(requestOf('HEAD', path, headers))
  expect(head).toBe(full)
  expect(head.split('\r\n\r\n')[0]).toBe(hot.split('\r\n\r\n')[0])
}

describe('hot pages past the router', () => {
  test('are byte for byte what the router answers, with and without a body, fresh and old', async () => {
    for (const headers of ACCEPTS.flatMap((accept) => ENCODINGS.map((one) => [...accept, ...one]))) {
      for (ageMs of [5, 3_600_000]) await sameOnBothWays('/simple/demo/', headers)
    }
    ageMs = 5
    for (const path of ['/staged/demo/', '/mesh/simple/demo/']) await sameOnBothWays(path, [`accept: ${PIP}`])
  })

  test('whoever asks is told of, on both ways', async () => {
    seen.length = 0
    await both(requestOf('GET', '/simple/demo/', ['user-agent: pip/26.2']))
    await both(requestOf('GET', '/simple/demo/', ['if-none-match: *']))
    await both(requestOf('GET', '/simple/unknown/', ['user-agent: pip/26.2']))
    expect(seen).toEqual(['demo pip/26.2', 'demo pip/26.2', 'demo ', 'demo '])
  })

  test('what is unusual is the router’s, which may refuse it', async () => {
    const unusual = [
      requestOf('GET', '/simple/Demo/', []),
      requestOf('GET', '/simple/demo/?x=1', []),
      requestOf('GET', '/simple/demo/#x', []),
      requestOf('GET', '//simple/demo/', []),
      requestOf('GET', '/simple/./demo/', []),
      requestOf('GET', '/simple/%64emo/', []),
      requestOf('GET', '/simple/__proto__/', []),
      requestOf('GET', '/simple/constructor/', []),
      requestOf('POST', '/simple/demo/', ['content-length: 2']) + 'hi',
      requestOf('GET', '/simple/demo/', ['content-length: 2']) + 'hi',
      requestOf('PUT', '/mesh/simple/demo/', []),
      requestOf('OPTIONS', '/simple/', []),
      'GET http://other.example/simple/demo/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      'GET /simple/demo/ HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n',
      'GET /simple/demo/ HTTP/1.1\r\nhost: [::1]:8080\r\nconnection: close\r\n\r\n',
      'GET /simple/demo/ HTTP/1.0\r\n\r\n'
    ]
    const before = answered
    for (const request of unusual) {
      const [one, other] = await both(request)
      expect(one).toBe(other)
    }
    expect(answered).toBe(before)
    expect((await both(requestOf('POST', '/simple/demo/', ['content-length: 0'])))[0]).toMatch(
      /^HTTP\/1\.1 405 [^]*\r\nallow: get, head\r\n/
    )
  })
})

describe('any request', () => {
  /** Bytes that HTTP allows in a path or a header, and such as it does not. */
  const path = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          'simple',
          'staged',
          'mesh',
          'files',
          'logs',
          'project',
          'demo',
          'De.Mo',
          '..',
          '.',
          ''
        ),
        fc.constantFrom(
          '%2e%2e',
          '%00',
          '%0d%0aset-cookie:x',
          '%ff',
          '%',
          '%zz',
          '\\',
          'a'.repeat(300),
          '<x>',
          '"'
        ),
        fc.string({
          unit: fc.constantFrom(...charsOf('abcXYZ019-_.~!$&()*+,;=:@%?#[]|^`{}\u00e9'))
        })
      ),
      { maxLength: 5 }
    )
    .map((parts) => `/${parts.join('/')}`)
  const value = fc.oneof(
    fc.constantFrom(
      '*/*',
      '*',
      JSON_V1,
      'gzip',
      'bytes=0-',
      'bytes=5-2,1-9',
      '"x"',
      'W/"x"',
      ';q=',
      ',,,',
      ''
    ),
    fc.string({ unit: fc.constantFrom(...charsOf('ab*/;,=q019."-+ \u00e9\t')) })
  )
  const name = fc.constantFrom(
    'accept',
    'accept-encoding',
    'if-none-match',
    'range',
    'if-range',
    'user-agent',
    'x'
  )
  const headers = fc.array(
    fc.tuple(name, value).map(([key, text]) => `${key}: ${text}`),
    { maxLength: 4 }
  )
  const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH')

  test('is answered, by no fault of ours, with no header but our own, and alike on both ways', async () => {
    await fc.assert(
      fc.asyncProperty(method, path, headers, async (verb, where, lines) => {
        const [one, other] = await both(requestOf(verb, where.replaceAll(' ', ''), lines))
        expect(one).toBe(other)
        expect(one).toMatch(/^HTTP\/1\.1 [1234]\d\d /)
        expect(one.split('\r\n\r\n')[0]).not.toContain('set-cookie')
      }),
      { numRuns: 150 }
    )
  })
})
