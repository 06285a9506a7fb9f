import { CodedError } from '../core/errors.ts'

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
