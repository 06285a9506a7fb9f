import { CodedError } from './errors.ts'

export type UpstreamErrorDetail =
  /** No answer, or one that says nothing about the thing asked for (5xx, a refusal). `status` is 0 without an answer. */
  | {
      readonly code: 'UPSTREAM_UNAVAILABLE'
      readonly url: string
      readonly status: number
      /** It said when to come again. */
      readonly retryAfterMs?: number
    }
  | { readonly code: 'UPSTREAM_TOO_LARGE'; readonly url: string; readonly maxBytes: number }
  /** An answer that is no page of a simple index. */
  | { readonly code: 'UPSTREAM_MALFORMED'; readonly url: string; readonly why: string }
  /** The answer of a cache that lags behind: the mesh has seen a higher serial, or upstream's list names one. */
  | {
      readonly code: 'UPSTREAM_STALE'
      readonly project: string
      readonly serial: number
      readonly known: number
    }
  /** It was not asked, in order to spare it: it is in trouble, or too much was asked of it lately. */
  | { readonly code: 'UPSTREAM_SPARED'; readonly why: string; readonly againMs: number }
  /** Nothing says which index to follow. */
  | { readonly code: 'UPSTREAM_UNCONFIGURED'; readonly why: string }

export class UpstreamError extends CodedError<UpstreamErrorDetail> {}
