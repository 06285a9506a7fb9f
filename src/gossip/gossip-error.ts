import { BlobError } from '../core/blob-error.ts'
import { CodedError } from '../core/errors.ts'
import { WireError } from '../wire/wire-error.ts'

export type GossipErrorDetail =
  | { readonly code: 'PEER_UNREACHABLE'; readonly peer: string }
  | { readonly code: 'PEER_NOT_MEMBER'; readonly peer: string }
  | { readonly code: 'PEER_BROKE_PROTOCOL'; readonly why: string }
  | { readonly code: 'HEADS_NOT_SERVED'; readonly feeds: number }
  | { readonly code: 'PEER_BUSY'; readonly peer: string }
  | { readonly code: 'FRAME_TOO_LARGE'; readonly bytes: number; readonly maxBytes: number }
  | { readonly code: 'STREAM_STALLED'; readonly afterMs: number }
  | { readonly code: 'STREAM_ENDED'; readonly afterBytes: number }
  | { readonly code: 'WRONG_GENESIS'; readonly expected: string; readonly actual: string }

/** What goes wrong between two peers. Callers switch on `code`. */
export class GossipError extends CodedError<GossipErrorDetail> {}

/** Streams end by events that are not always errors; `abort` wants one. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('stream closed', { cause: thrown })
}

/**
 * Whether a holder with which a transfer failed may be asked again when there is nobody else: one that had too much to do, or that
 * broke off after it had brought something, as a link does that fails for a moment. Not one that lied, or has it not.
 */
export function mayComeBack(error: unknown, hasBroughtSome: boolean): boolean {
  if (error instanceof BlobError || error instanceof WireError) return false
  if (!(error instanceof GossipError)) return hasBroughtSome
  if (error.code === 'PEER_BUSY') return true
  return hasBroughtSome && error.code !== 'PEER_BROKE_PROTOCOL' && error.code !== 'FRAME_TOO_LARGE'
}
