import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createProxies } from '../../scripts/prove-coordination/cut-proxies.ts'
import type { MeshNetwork } from '../../scripts/prove-coordination/mesh-network.ts'
import type { ProxyPorts } from '../support/through-proxies.ts'

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

/** A network of two nodes, the second of which echoes, and a way from the first to it. */
async function twoNodes(): Promise<{
  readonly network: MeshNetwork
  readonly dial: () => Promise<Socket>
  /** Connections that the second node has seen the end of. */
  readonly ended: () => number
}> {
  const network = await createProxies(2)
  const port = Number(/(\d+)$/.exec(network.places[1]!.listen)?.[1])
  let ended = 0
  const server = createServer((socket) => {
    socket.on('close', () => ended++)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const ports = JSON.parse(network.places[0]!.env['FAKE_PROXIES']!) as ProxyPorts
  open.push(network, server)
  return {
    network,
    ended: () => ended,
    dial: async () => {
      const socket = connect(ports[String(port)]!, '127.0.0.1').setEncoding('utf8')
      open.push({ close: () => socket.destroy() })
      await once(socket, 'connect')
      return socket
    }
  }
}

async function answer(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  const [heard] = (await once(socket, 'data')) as [string]
  return heard
}

/** Everything that was on its way has arrived, if there is a way: a round trip on another line. */
async function settled(): Promise<void> {
  const { dial } = await twoNodes()
  const socket = await dial()
  for (const text of ['1', '2', '3']) await answer(socket, text)
}

describe('a line between two halves', () => {
  test('carries bytes both ways', async () => {
    const { dial } = await twoNodes()
    expect(await answer(await dial(), 'hello')).toBe('hello')
  })

  test('holds back what is said while it is cut, and brings it when it is healed', async () => {
    const { network, dial } = await twoNodes()
    const socket = await dial()
    await answer(socket, 'before')
    const heard: string[] = []
    socket.on('data', (text: string) => heard.push(text))
    network.cut()
    socket.write('while')
    await settled()
    expect(heard).toEqual([])
    network.heal()
    await expect.poll(() => heard).toEqual(['while'])
  })

  test('lets nobody through who comes while it is cut, until it is healed', async () => {
    const { network, dial } = await twoNodes()
    network.cut()
    const socket = await dial()
    const heard: string[] = []
    socket.on('data', (text: string) => heard.push(text))
    socket.write('early')
    await settled()
    expect(heard).toEqual([])
    network.heal()
    await expect.poll(() => heard).toEqual(['early'])
  })

  test('tells nobody of an end in the other half before it is healed', async () => {
    const { network, dial, ended } = await twoNodes()
    const socket = await dial()
    await answer(socket, 'hello')
    network.cut()
    socket.destroy()
    await settled()
    expect(ended()).toBe(0)
    network.heal()
    await expect.poll(ended).toBe(1)
  })
})
