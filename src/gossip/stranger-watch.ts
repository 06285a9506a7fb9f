import type { Connection } from '@libp2p/interface'
import type { NodeId } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import { createBackground } from './background.ts'
import { nodeOf, type MeshHost } from './create-libp2p.ts'

export interface StrangerWatchParts {
  readonly host: MeshHost
  readonly clock: Clock
  readonly log: Log
}

export interface StrangerWatch {
  start(): void
  /** Hangs up on peers whose membership has ended. */
  sweep(): void
  /** Hangs up on one peer, whatever grace it has. */
  hangUp(node: NodeId): void
  stop(): Promise<void>
}

/** Hangs up on whoever has not become a member `helloTimeoutMs` after connecting, and on members that are no more. */
export function createStrangerWatch(
  { host, clock, log }: StrangerWatchParts,
  { helloTimeoutMs }: { readonly helloTimeoutMs: number }
): StrangerWatch {
  const background = createBackground(log)
  /** Connections that may still prove membership. */
  const inGrace = new Set<string>()

  function onOpen({ detail: connection }: CustomEvent<Connection>): void {
    inGrace.add(connection.id)
    background.run('stranger watch', async (signal) => {
      await clock.sleep(helloTimeoutMs, { signal }).finally(() => inGrace.delete(connection.id))
      hangUpOnStranger(connection)
    })
  }

  function hangUpOnStranger(connection: Connection): void {
    const node = nodeOf(connection)
    if (host.isMember(node) || connection.status !== 'open') return
    log.debug('hung up on a stranger', { node })
    connection.abort(new Error('not a member of this mesh'))
  }

  return {
    start() {
      host.libp2p.addEventListener('connection:open', onOpen)
    },
    sweep() {
      for (const connection of host.libp2p.getConnections()) {
        if (!inGrace.has(connection.id)) hangUpOnStranger(connection)
      }
    },
    hangUp(node) {
      for (const connection of host.libp2p.getConnections())
        if (nodeOf(connection) === node) hangUpOnStranger(connection)
    },
    async stop() {
      host.libp2p.removeEventListener('connection:open', onOpen)
      await background.stop()
    }
  }
}
