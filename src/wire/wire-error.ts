import { CodedError } from '../core/errors.ts'

export type WireErrorDetail =
  | { readonly code: 'WIRE_TOO_LARGE'; readonly bytes: number; readonly maxBytes: number }
  | { readonly code: 'WIRE_MALFORMED'; readonly why: string }
  | { readonly code: 'WIRE_BAD_SIGNATURE'; readonly node: string }

/** Bytes from outside that are not what they should be. */
export class WireError extends CodedError<WireErrorDetail> {}

export function malformed(why: string): WireError {
  return new WireError({ code: 'WIRE_MALFORMED', why })
}
