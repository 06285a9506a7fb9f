import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import type { ProxyPorts } from '../../test/support/through-proxies.ts'
import { halfOf, type MeshNetwork } from './mesh-network.ts'

const LOOPBACK = '127.0.0.1'

/**
 * For those who may not make network namespaces: each node is reached from the other half through a proxy of this process. While
 * it is cut, bytes wait on both sides and nobody is told, as on a line that is down.
 */
export async function createProxies(nodes: number): Promise<MeshNetwork> {
  const ports: number[] = []
  for (let index = 0; index < nodes; index++) ports.push(await freePort())
  const line = new Line()
  const proxies = await Promise.all(ports.map((port) => line.proxyTo(port)))
  const portsFor = (half: 0 | 1): ProxyPorts =>
    Object.fromEntries(
      ports.flatMap((port, index) =>
        halfOf(index, nodes) === half ? [] : [[port, proxies[index]!] as const]
      )
    )
  return {
    kind: 'proxies',
    places: ports.map((port, index) => ({
      under: [],
      listen: `/ip4/${LOOPBACK}/tcp/${port}`,
      httpHost: LOOPBACK,
      env: { FAKE_PROXIES: JSON.stringify(portsFor(halfOf(index, nodes))) }
    })),
    upstreamHost: LOOPBACK,
    cut: () => {
      line.cut()
    },
    heal: () => {
      line.heal()
    },
    close: () => {
      line.close()
    }
  }
}

/** All connections between the halves: they stop and go together. */
class Line {
  readonly #servers: Server[] = []
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>()
  #isCut = false

  async proxyTo(port: number): Promise<number> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => {
      // A caller into a cut line hears nothing, and the one behind it does not hear of him.
      const far = connect({ port, host: LOOPBACK, allowHalfOpen: true }).pause()
      this.#join(near, far)
    })
    this.#servers.push(server)
    return listen(server)
  }

  cut(): void {
    this.#isCut = true
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause()
      far.unpipe(near).pause()
    }
  }

  heal(): void {
    this.#isCut = false
    for (const pair of this.#pairs) {
      if (pair.every((socket) => socket.closed)) this.#pairs.delete(pair)
      else flow(pair)
    }
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#closed(pair)
      })
    }
    if (!this.#isCut) flow(pair)
  }

  /** What ends on one side ends on the other, once the line is whole. */
  #closed(pair: readonly [Socket, Socket]): void {
    if (this.#isCut) return
    this.#pairs.delete(pair)
    for (const socket of pair) socket.destroy()
  }
}

function flow([near, far]: readonly [Socket, Socket]): void {
  if (near.destroyed || far.destroyed) {
    near.destroy()
    far.destroy()
    return
  }
  near.pipe(far)
  far.pipe(near)
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, LOOPBACK, () => {
      resolve((server.address() as AddressInfo).port)
    })
  })
}
