import { type Socket, connect } from 'node:net'

export interface LoadOrder {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly durationMs: number
}

export interface LoadAnswer {
  readonly requests: number
  readonly elapsedMs: number
}

/**
 * Asks for one page over and over on keep-alive connections. Plain sockets: node:http's client costs more than the
 * server under test, so that everything would look equally fast. All answers of one run have the same length.
 */
process.once('message', (order) => {
  void run(order as LoadOrder).then((answer) => process.send?.(answer))
})

async function run(order: LoadOrder): Promise<LoadAnswer> {
  const headers = Object.entries(order.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = `GET ${order.path} HTTP/1.1\r\nhost: 127.0.0.1:${order.port}\r\n${headers.join('')}\r\n`
  const started = performance.now()
  const until = started + order.durationMs
  const counts = await Promise.all(
    Array.from({ length: order.connections }, () => drive(order.port, request, until))
  )
  return { requests: counts.reduce((sum, count) => sum + count, 0), elapsedMs: performance.now() - started }
}

async function drive(port: number, request: string, until: number): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  let received = 0
  let length = 0
  let count = 0
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => socket.write(request))
    socket.on('data', (chunk) => {
      if (length === 0) length = answerLength(chunk)
      received += chunk.byteLength
      if (received < length) return
      received = 0
      count += 1
      if (performance.now() < until) socket.write(request)
      else
        finish(socket, () => {
          resolve(count)
        })
    })
  })
}

/** Head and body of the first answer; every other one is as long. */
function answerLength(first: Buffer): number {
  const text = first.toString('latin1')
  const head = text.indexOf('\r\n\r\n') + 4
  return head + Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
}

function finish(socket: Socket, done: () => void): void {
  socket.end()
  done()
}
