import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp, type NodeApp } from '../../src/http/app.ts'
import { DIRECT_FILE_BYTES } from '../../src/http/http-limits.ts'
import { createHttpServer, type HttpServer } from '../../src/http/server.ts'
import { testApp } from './http-fixtures.ts'
import { MemoryFiles } from './memory-files.ts'
import { rawAnswer, requestOf } from './raw-answer.ts'

const NAME = 'demo-1.0+pi.1-py3-none-any.whl'
const SMALL = randomBytes(70_000)
const LARGE = randomBytes(DIRECT_FILE_BYTES + 10)

const files = new MemoryFiles()
const small = files.add(NAME, SMALL, 'Metadata-Version: 2.1\nName: demo\n')
const large = files.add(NAME, LARGE)
const retracted = files.add(NAME, randomBytes(10))
files.served.set(retracted, 'gone')
for (const digest of files.blobs.keys()) files.checked.add(digest)

/** The same files from two servers, of which one has nothing in front of its router. */
const direct = createApp(testApp({ files }).parts, { token: 't' })
const routed = createApp(testApp({ files }).parts, { token: 't' })
/** What was answered past the router, to the end or for a start. */
let taken = 0
let handedOn = 0

function counting(app: NodeApp): NodeApp {
  const { direct: answer } = app
  return Object.assign(app, {
    direct: (...[incoming, outgoing, otherwise]: Parameters<typeof answer>) => {
      const did = answer(incoming, outgoing, () => {
        handedOn += 1
        otherwise()
      })
      if (did) taken += 1
      return did
    }
  })
}

const options = { host: '127.0.0.1', port: 0, closeGraceMs: 100 }
const servers: HttpServer[] = [
  createHttpServer(counting(direct), options),
  createHttpServer(Object.assign(routed, { direct: () => false }), options)
]

beforeAll(async () => {
  for (const server of servers) await server.start()
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

/** What both ways answer, which must be the same, and how many of the requests did not need the router. */
async function answerOf(request: string): Promise<{ readonly answer: string; readonly past: number }> {
  const before = taken - handedOn
  const one = await rawAnswer(servers[0], request)
  const past = taken - handedOn - before
  expect(await rawAnswer(servers[1], request)).toBe(one)
  return { answer: one, past }
}

const PATH = `/files/${small}/${NAME}`
const ETAG = `"${small}"`
const RANGES = [
  'bytes=0-99',
  'bytes=69990-',
  'bytes=-10',
  'bytes=5-999999999',
  'bytes=0-1,3-4',
  'bytes=9-1',
  'lines=1-2',
  'bytes=x',
  ''
]

describe('small files past the router are byte for byte what the router answers', () => {
  test('whole, in part, without a body, and not at all', async () => {
    const asked = [
      [],
      ...RANGES.map((range) => [`range: ${range}`]),
      ['range: bytes=10-19', `if-range: ${ETAG}`],
      ['range: bytes=10-19', 'if-range: "other"'],
      ['range: bytes=10-19', `if-range: W/${ETAG}`],
      ['range: bytes=10-19', 'range: bytes=20-29'],
      [`if-none-match: ${ETAG}`],
      [`if-none-match: "x", W/${ETAG}`, 'range: bytes=0-9'],
      ['if-none-match: *'],
      ['if-none-match: "x"'],
      ['accept-encoding: gzip', 'accept: text/html']
    ]
    for (const headers of asked) {
      for (const path of [PATH, `${PATH}.metadata`]) {
        for (const method of ['GET', 'HEAD']) {
          const { answer, past } = await answerOf(requestOf(method, path, headers))
          expect(answer).toMatch(/^HTTP\/1\.1 (200|206|304|416) /)
          expect(past).toBe(answer.startsWith('HTTP/1.1 416 ') ? 0 : 1)
        }
      }
    }
    const { answer } = await answerOf(requestOf('GET', PATH, ['range: bytes=100-299']))
    expect(answer.endsWith(`\r\n\r\n${SMALL.subarray(100, 300).toString('latin1')}`)).toBe(true)
  })

  test('of a large one the small parts and what has no body, and the rest as a stream', async () => {
    const path = `/files/${large}/${NAME}`
    const past = async (method: string, ...headers: readonly string[]): Promise<number> =>
      (await answerOf(requestOf(method, path, headers))).past
    expect(await past('GET')).toBe(0)
    expect(await past('GET', 'range: bytes=1-')).toBe(0)
    expect(await past('GET', 'range: bytes=10-')).toBe(1)
    expect(await past('GET', 'range: bytes=-100')).toBe(1)
    expect(await past('HEAD')).toBe(1)
    expect(await past('GET', `if-none-match: "${large}"`)).toBe(1)
  })

  test('what is refused, and what is unusual, is the router’s', async () => {
    const unusual = [
      requestOf('GET', `/files/${retracted}/${NAME}`, []),
      requestOf('HEAD', `/files/${retracted}/${NAME}.metadata`, []),
      requestOf('GET', `/files/${small}/other-1.0-py3-none-any.whl`, []),
      requestOf('GET', `/files/${'0'.repeat(64)}/${NAME}`, [`if-none-match: *`]),
      requestOf('GET', `/files/${small.toUpperCase()}/${NAME}`, []),
      requestOf('GET', `${PATH}.metadata.metadata`, []),
      requestOf('GET', `${PATH}?x`, []),
      requestOf('GET', `/files/${small}/${NAME.replace('+', '%2B')}`, []),
      requestOf('GET', `/files/${small}/../${small}/${NAME}`, []),
      requestOf('GET', `/files//${small}/${NAME}`, []),
      requestOf('GET', `/files/${small}/__proto__.whl`, []),
      requestOf('GET', PATH, ['range: bytes=70000-']),
      requestOf('GET', PATH, ['content-length: 2']) + 'hi',
      requestOf('POST', PATH, ['content-length: 2']) + 'hi',
      requestOf('DELETE', PATH, []),
      `GET ${PATH} HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n`,
      `GET ${PATH} HTTP/1.0\r\n\r\n`
    ]
    for (const request of unusual) expect((await answerOf(request)).past).toBe(0)
  })

  test('one that was never checked, and one that is no longer what it was, is the router’s', async () => {
    files.checked.delete(small)
    const before = files.opened.length
    expect((await answerOf(requestOf('GET', PATH, []))).past).toBe(0)
    expect(files.opened.length).toBe(before + 2)
    files.checked.add(small)
    const shorter = SMALL.subarray(1)
    files.blobs.set(small, shorter)
    const unlucky = handedOn
    const { answer } = await answerOf(requestOf('GET', PATH, ['range: bytes=0-9']))
    expect(answer).toMatch(/^HTTP\/1\.1 206 /)
    expect(handedOn).toBe(unlucky + 1)
    files.blobs.delete(small)
    expect((await answerOf(requestOf('GET', PATH, []))).answer).toMatch(/^HTTP\/1\.1 503 /)
    files.blobs.set(small, SMALL)
    expect((await answerOf(requestOf('GET', PATH, []))).past).toBe(1)
  })
})

test('answers to requests that came at once leave in their order', async () => {
  const requests = [0, 1, 2, 3].map((at) =>
    requestOf('GET', at % 2 === 0 ? PATH : '/nothing', [`range: bytes=${at}-${at}`])
  )
  const pipelined = requests.map((one) => one.replace('connection: close', 'connection: keep-alive'))
  const last = requestOf('GET', PATH, ['range: bytes=4-4'])
  const answer = await rawAnswer(servers[0], pipelined.join('') + last)
  const statuses = [...answer.matchAll(/http\/1\.1 (\d+) /gi)].map(([, status]) => status)
  expect(statuses).toEqual(['206', '404', '206', '404', '206'])
})

test('a client that goes away while the file is read costs nothing', async () => {
  const waiting: (() => void)[] = []
  const slow = new MemoryFiles()
  const digest = slow.add(NAME, SMALL)
  slow.part = () =>
    new Promise((resolve) => {
      waiting.push(() => {
        resolve(undefined)
      })
    })
  const server = createHttpServer(createApp(testApp({ files: slow }).parts, { token: 't' }), options)
  await server.start()
  try {
    const socket = connect(server.address().port, '127.0.0.1')
    socket.write(requestOf('GET', `/files/${digest}/${NAME}`, []))
    await expect.poll(() => waiting.length).toBe(1)
    socket.destroy()
    await once(socket, 'close')
    // The server has heard of it, too.
    expect(await rawAnswer(server, requestOf('GET', '/nothing', []))).toContain(' 404 ')
    waiting[0]?.()
    await setImmediate()
    expect(slow.opened).toEqual([])
  } finally {
    await server.stop()
  }
})
