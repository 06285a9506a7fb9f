import type { NodeId } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import { BARRED_MS, BARRED_POINTS, BLAME_POINTS, FORGIVEN_POINTS, MAX_BLAMED } from './gossip-limits.ts'

export interface PeerStandingParts {
  readonly clock: Clock
  readonly log: Log
}

interface Standing {
  readonly points: number
  readonly asOfMs: number
  readonly barredUntilMs: number
}

/** How far this node trusts each member to speak the protocol; gossip has the score of gossipsub besides. */
export interface PeerStanding {
  /** It sent what no honest node can send; true when it is refused from now on. */
  blame(node: NodeId, rule: string): boolean
  isBarred(node: NodeId): boolean
}

export function createPeerStanding({ clock, log }: PeerStandingParts): PeerStanding {
  const standings = new Map<NodeId, Standing>()

  function pointsOf(node: NodeId, nowMs: number): number {
    const known = standings.get(node)
    if (known === undefined) return 0
    return Math.max(0, known.points - ((nowMs - known.asOfMs) * FORGIVEN_POINTS) / 60_000)
  }

  function isBarred(node: NodeId): boolean {
    const known = standings.get(node)
    return known !== undefined && clock.monotonicMs() < known.barredUntilMs
  }

  return {
    isBarred,
    blame(node, rule) {
      // What was on its way when it was barred does not bar it for longer.
      if (isBarred(node)) return false
      const nowMs = clock.monotonicMs()
      const points = pointsOf(node, nowMs) + BLAME_POINTS
      const isTooMuch = points >= BARRED_POINTS
      standings.delete(node)
      standings.set(node, {
        points: isTooMuch ? 0 : points,
        asOfMs: nowMs,
        barredUntilMs: isTooMuch ? nowMs + BARRED_MS : 0
      })
      const [oldest] = standings.keys()
      if (standings.size > MAX_BLAMED && oldest !== undefined) standings.delete(oldest)
      if (isTooMuch) log.warn('a member breaks the protocol; it is refused for ten minutes', { node, rule })
      else log.debug('a member sent what no honest node can send', { node, rule })
      return isTooMuch
    }
  }
}
