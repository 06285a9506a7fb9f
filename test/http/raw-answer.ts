import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { HttpServer } from '../../src/http/server.ts'

/** All that the server sends until it closes the connection, but for the time of day; headers in the order of their names. */
export async function rawAnswer(server: HttpServer | undefined, bytes: string): Promise<string> {
  const socket = connect(server?.address().port ?? 0, '127.0.0.1')
  await once(socket, 'connect')
  // Not ended: node:http gives up on a client that has said all it has to say.
  socket.write(bytes, 'latin1')
  const [head = '', ...body] = (await text(socket.setEncoding('latin1'))).split('\r\n\r\n')
  const [status, ...headers] = head.replace(/^date: .*$/im, 'date: now').split('\r\n')
  return [status, ...headers.map((line) => line.toLowerCase()).sort(), '', body.join('\r\n\r\n')].join('\r\n')
}

export function requestOf(method: string, path: string, headers: readonly string[]): string {
  return `${method} ${path} HTTP/1.1\r\nhost: pi.local:8080\r\nconnection: close\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`
}
