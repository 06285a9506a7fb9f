import { randomBytes } from 'node:crypto'
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { MAX_EVENT_STREAMS, MAX_HEADER_BYTES } from '../../src/http/http-limits.ts'
import { type HttpServer, type HttpServerOptions, createHttpServer } from '../../src/http/server.ts'
import { type TestApp, aJobView, testApp } from './http-fixtures.ts'

const NAME = 'demo-1.0-py3-none-any.whl'
const running: HttpServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})

interface Served extends TestApp {
  readonly server: HttpServer
  readonly port: number
}

async function serve(made: TestApp = testApp(), over: Partial<HttpServerOptions> = {}): Promise<Served> {
  const server = createHttpServer(made.app, { host: '127.0.0.1', port: 0, closeGraceMs: 200, ...over })
  await server.start()
  running.push(server)
  return { ...made, server, port: server.address().port }
}

async function send(port: number, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, ...options }, resolve)
      .on('error', reject)
      .end()
  })
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Everything a raw request brings back, until the server closes the connection. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(bytes)
  return text(socket)
}

describe('files over a socket', () => {
  test('a large wheel arrives whole, its parts too, on one connection', async () => {
    const { files, port } = await serve()
    const bytes = randomBytes(5_000_000)
    const path = `/files/${files.add(NAME, bytes)}/${NAME}`
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const whole = await send(port, { path, agent })
    expect((await bytesOf(whole)).equals(bytes)).toBe(true)
    const part = await send(port, { path, agent, headers: { range: 'bytes=1000000-3999999' } })
    expect(part.statusCode).toBe(206)
    expect((await bytesOf(part)).equals(bytes.subarray(1_000_000, 4_000_000))).toBe(true)
    const head = await send(port, { path, agent, method: 'HEAD' })
    expect([head.headers['content-length'], (await bytesOf(head)).byteLength]).toEqual(['5000000', 0])
    agent.destroy()
  })

  test('a download can be resumed with the tag of its beginning', async () => {
    const { files, port } = await serve()
    const bytes = randomBytes(1_000_000)
    const path = `/files/${files.add(NAME, bytes)}/${NAME}`
    const begun = await send(port, { path })
    const etag = String(begun.headers.etag)
    begun.destroy()
    const rest = await send(port, { path, headers: { range: 'bytes=600000-', 'if-range': etag } })
    expect((await bytesOf(rest)).equals(bytes.subarray(600_000))).toBe(true)
  })

  test('a client that goes away ends the reading', async () => {
    const { files, port } = await serve()
    const path = `/files/${files.add(NAME, randomBytes(20_000_000))}/${NAME}`
    const message = await send(port, { path })
    expect(files.reading).toBe(1)
    message.destroy()
    await expect.poll(() => files.reading, { timeout: 5_000 }).toBe(0)
  })

  test.for([{ endSilently: false }, { endSilently: true }])(
    'a source that breaks off gives a broken connection, never a short body (silently: $endSilently)',
    async ({ endSilently }) => {
      const { files, port } = await serve()
      files.breakAfterBytes = 1_000_000
      files.endSilently = endSilently
      const message = await send(port, { path: `/files/${files.add(NAME, randomBytes(3_000_000))}/${NAME}` })
      expect(message.statusCode).toBe(200)
      await expect(bytesOf(message)).rejects.toThrow('aborted')
      expect(files.reading).toBe(0)
    }
  )

  test('a source that gives too much cannot poison the connection', async () => {
    const { files, port } = await serve()
    const digest = files.add(NAME, randomBytes(100_000))
    files.blobs.set(digest, randomBytes(200_000))
    await expect(send(port, { path: `/files/${digest}/${NAME}` }).then(bytesOf)).rejects.toThrow()
  })
})

describe('pages over a socket', () => {
  test('HEAD and 304 leave the connection usable', async () => {
    const { port } = await serve()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const head = await send(port, { path: '/simple/demo/', method: 'HEAD', agent })
    await bytesOf(head)
    const again = await send(port, {
      path: '/simple/demo/',
      agent,
      headers: { 'if-none-match': head.headers.etag }
    })
    expect([again.statusCode, (await bytesOf(again)).byteLength]).toEqual([304, 0])
    const full = await send(port, { path: '/simple/demo/', agent })
    expect(String((await bytesOf(full)).byteLength)).toBe(head.headers['content-length'])
    agent.destroy()
  })
})

describe('hostile requests', () => {
  test.for([
    {
      id: 'huge headers',
      bytes: `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(MAX_HEADER_BYTES + 10)}\r\n\r\n`,
      status: 431
    },
    { id: 'no HTTP at all', bytes: 'hello there\r\n\r\n', status: 400 },
    { id: 'no host', bytes: 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', status: 400 },
    {
      id: 'a host that is none',
      bytes: 'GET / HTTP/1.1\r\nhost: a b/<c>\r\nconnection: close\r\n\r\n',
      status: 400
    },
    {
      id: 'two lengths',
      bytes: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na',
      status: 400
    },
    {
      id: 'both ways of framing',
      bytes: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      status: 400
    },
    {
      id: 'climbing out',
      bytes: 'GET /files/../../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      status: 404
    },
    {
      id: 'a backslash',
      bytes: 'GET /simple/..\\x/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      status: 400
    },
    {
      id: 'a proxy request',
      bytes: 'GET http://other.example/simple/nope/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      status: 404
    }
  ])('$id', async ({ bytes, status }) => {
    const { port } = await serve()
    expect(await raw(port, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect((await send(port, { path: '/health', agent: false })).statusCode).toBe(200)
  })

  test('connections beyond the bound are dropped, the others live', async () => {
    const { port } = await serve(testApp(), { maxConnections: 2 })
    const held = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    await expect(send(port, { path: '/health', agent: false })).rejects.toThrow()
    for (const socket of held) socket.destroy()
    await expect
      .poll(
        () =>
          send(port, { path: '/health', agent: false }).then(
            (m) => m.statusCode,
            () => 0
          ),
        { timeout: 5_000 }
      )
      .toBe(200)
  })
})

describe('events', () => {
  test('arrive while the connection stays open, and a client that leaves is forgotten', async () => {
    const { control, port } = await serve()
    const message = await send(port, { path: '/api/v1/events', agent: false })
    expect(message.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    const received: string[] = []
    message.on('data', (chunk: Buffer) => received.push(chunk.toString())).on('error', () => undefined)
    await expect.poll(() => control.listeners.size).toBe(1)
    control.emit({ kind: 'job', atMs: 1, job: aJobView({ state: 'built' }) })
    await expect.poll(() => received.join('')).toContain('"state":"built"')
    message.destroy()
    await expect.poll(() => control.listeners.size).toBe(0)
  })

  test('only so many clients may watch', async () => {
    const { port, control } = await serve()
    const open = () => send(port, { path: '/api/v1/events', agent: false })
    const watching = await Promise.all(Array.from({ length: MAX_EVENT_STREAMS }, open))
    expect((await open()).statusCode).toBe(503)
    for (const message of watching) message.on('error', () => undefined).destroy()
    await expect.poll(() => control.listeners.size).toBe(0)
    expect((await open()).statusCode).toBe(200)
  })
})

describe('start and stop', () => {
  test('an address that is taken is an error, and nothing stays behind', async () => {
    const { port } = await serve()
    const second = createHttpServer(testApp().app, { host: '127.0.0.1', port })
    await expect(second.start()).rejects.toThrow('EADDRINUSE')
    expect(() => second.address()).toThrow(TypeError)
    await second.stop()
  })

  test('stopping ends idle connections and event streams at once', async () => {
    const { server, port } = await serve(testApp(), { closeGraceMs: 60_000 })
    const agent = new Agent({ keepAlive: true })
    await bytesOf(await send(port, { path: '/health', agent }))
    const events = await send(port, { path: '/api/v1/events', agent: false })
    const ended = text(events)
    await server.stop()
    expect(await ended).toBe('retry: 2000\n\n')
    await expect(send(port, { path: '/health', agent: false })).rejects.toThrow('ECONNREFUSED')
    agent.destroy()
  })

  test('a download that is under way is waited for, but not for ever', async () => {
    const { server, files, port } = await serve(testApp(), { closeGraceMs: 100 })
    const message = await send(port, {
      path: `/files/${files.add(NAME, randomBytes(50_000_000))}/${NAME}`,
      agent: false
    })
    message.on('error', () => undefined)
    await server.stop()
    await expect.poll(() => files.reading).toBe(0)
  })

  test('it can be started again', async () => {
    const { server } = await serve()
    await server.stop()
    await server.start()
    expect((await send(server.address().port, { path: '/health', agent: false })).statusCode).toBe(200)
  })
})
