import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** An address of loopback with a port that nobody uses now: where a node is found again when it and all others start anew. */
export async function freeListen(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `/ip4/127.0.0.1/tcp/${port}`
}
