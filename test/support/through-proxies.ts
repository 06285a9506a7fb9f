import net from 'node:net'

/** Ports of loopback behind which another half's nodes listen, each with the port of the proxy that leads there. */
export type ProxyPorts = Readonly<Record<string, number>>

/**
 * Makes this process dial the nodes of the other half through proxies, which can be shut. Only for those who may not make
 * network namespaces: the node itself knows nothing of it and goes on telling its real address.
 */
export function dialThroughProxies(text: string | undefined): void {
  if (text === undefined || text === '') return
  const ports = JSON.parse(text) as ProxyPorts
  const connect = net.connect.bind(net)
  const redirected = (options: net.NetConnectOpts, listener?: () => void): net.Socket => {
    const port = 'port' in options ? ports[String(options.port)] : undefined
    return connect(port === undefined ? options : { ...options, port }, listener)
  }
  // @libp2p/tcp asks for its sockets by this very property.
  Object.assign(net, { connect: redirected })
}
