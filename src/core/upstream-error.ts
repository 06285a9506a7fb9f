import { CodedError } from './errors.ts'

export type UpstreamErrorDetail =
  /** No answer, or one that says nothing about the thing asked for (5xx, a refusal). `status` is 0 without an answer. */
  | { readonly code: 'UPSTREAM_UNAVAILABLE'; readonly url: string; readonly status: number }
  | { readonly code: 'UPSTREAM_TOO_LARGE'; readonly url: string; readonly maxBytes: number }
  /** An answer that is no page of a simple index. */
  | { readonly code: 'UPSTREAM_MALFORMED'; readonly url: string; readonly why: string }
  /** Nothing says which index to follow. */
  | { readonly code: 'UPSTREAM_UNCONFIGURED'; readonly why: string }

export class UpstreamError extends CodedError<UpstreamErrorDetail> {}
