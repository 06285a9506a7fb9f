import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { type HttpServer, createHttpServer } from '../../src/http/server.ts'
import { aMerged, testApp, upstreamFile, upstreamPage } from './http-fixtures.ts'

const running: HttpServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})

async function serve(made = testApp()): Promise<number> {
  const server = createHttpServer(made.app, { host: '127.0.0.1', port: 0, closeGraceMs: 100 })
  await server.start()
  running.push(server)
  return server.address().port
}

async function get(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, resolve).on('error', reject).end()
  })
}

describe('slow clients', () => {
  test('a thousand idle connections and half a request each take nothing from the others', async () => {
    const port = await serve()
    const idle = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1'))
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    for (const socket of idle)
      socket.on('error', () => undefined).write('GET /simple/demo/ HTTP/1.1\r\nhost: x')
    expect((await get(port, '/simple/demo/')).statusCode).toBe(200)
    for (const socket of idle) socket.destroy()
  })

  test('many who ask for a large page and do not read it share its bytes', async () => {
    const files = Array.from({ length: 4_000 }, (_, at) => upstreamFile(`demo-1.${at}.tar.gz`))
    const merged = aMerged({ files: upstreamPage(files).files })
    const found = { merged, revision: '1' }
    const port = await serve(testApp({ index: { project: async () => found, projectNames: async () => [] } }))
    const whole = await buffer(await get(port, '/simple/demo/'))
    const before = process.memoryUsage().arrayBuffers
    const sockets = Array.from({ length: 50 }, () => connect(port, '127.0.0.1'))
    for (const socket of sockets) {
      socket.pause().write('GET /simple/demo/ HTTP/1.1\r\nhost: pi.local\r\n\r\n')
    }
    expect((await buffer(await get(port, '/simple/demo/'))).equals(whole)).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * whole.byteLength)
    for (const socket of sockets) socket.destroy()
  })
})
