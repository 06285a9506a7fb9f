import { WireError } from '../wire/wire-error.ts'
import { GossipError } from './gossip-error.ts'

/** A peer did what the protocol forbids. */
export function broke(why: string): GossipError {
  return new GossipError({ code: 'PEER_BROKE_PROTOCOL', why })
}

/** The rule that a peer broke in a way no honest node can; undefined for what can happen to anybody, as a lost connection. */
export function brokenRule(error: unknown): string | undefined {
  if (error instanceof WireError) return error.message
  if (!(error instanceof GossipError)) return undefined
  const { detail } = error
  if (detail.code === 'PEER_BROKE_PROTOCOL') return detail.why
  return detail.code === 'FRAME_TOO_LARGE' ? 'a frame that is too large' : undefined
}
