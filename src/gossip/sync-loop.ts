import type { NodeId } from '../core/ids.ts'
import { SYNC_PERIOD_MS } from '../core/limits.ts'
import type { Random } from '../core/ports.ts'
import { createBackground } from './background.ts'
import { MAX_SYNC_SESSIONS } from './gossip-limits.ts'
import { createLoop } from './loop.ts'
import { pullFrom, type SyncClientParts } from './sync-client.ts'

export interface SyncLoopParts extends SyncClientParts {
  readonly random: Random
  /** Connected members. */
  readonly peers: () => readonly NodeId[]
  /** All that this member held and we lacked when it was asked is here. */
  readonly onPulled: (peer: NodeId) => void
}

/** Decides when to pull from whom. */
export interface SyncLoop {
  /** Soon, from this peer: on connect, after a gap in what it gossiped. `prompted`: because it just pulled from us. */
  request(peer: NodeId, options?: { readonly prompted?: boolean }): void
  /** Soon, from some connected member: after the set of members changed. */
  requestAny(): void
  start(): void
  stop(): Promise<void>
}

export function createSyncLoop(
  parts: SyncLoopParts,
  { periodMs = SYNC_PERIOD_MS }: { readonly periodMs?: number } = {}
): SyncLoop {
  const { random, log } = parts
  const background = createBackground(log)
  /** Peers to pull from, and whether they prompted it. */
  const waiting = new Map<NodeId, boolean>()
  const active = new Set<NodeId>()
  const loop = createLoop(parts, {
    name: 'sync',
    periodMs,
    step: async () => {
      requestAny()
    }
  })

  function request(peer: NodeId, { prompted = false } = {}): void {
    // an unprompted pull makes the other side pull, too, so it is not downgraded
    waiting.set(peer, (waiting.get(peer) ?? true) && prompted)
    startSessions()
  }

  function requestAny(): void {
    const peers = parts.peers()
    const peer = peers[Math.floor(random.float() * peers.length)]
    if (peer !== undefined) request(peer)
  }

  function startSessions(): void {
    for (const [peer, prompted] of waiting) {
      if (active.size >= MAX_SYNC_SESSIONS) return
      if (active.has(peer)) continue
      waiting.delete(peer)
      active.add(peer)
      background.run('sync session', async (signal) => {
        try {
          const { foundFork } = await pullFrom(parts, peer, { prompted, signal })
          // it hears of the proof when it pulls in turn
          if (foundFork) request(peer)
          parts.onPulled(peer)
        } finally {
          active.delete(peer)
          startSessions()
        }
      })
    }
  }

  return {
    request,
    requestAny,
    start: () => {
      loop.start()
    },
    async stop() {
      await loop.stop()
      waiting.clear()
      await background.stop()
    }
  }
}
