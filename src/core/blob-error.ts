import { CodedError } from './errors.ts'

export type BlobErrorDetail =
  | { readonly code: 'BLOB_MISSING'; readonly digest: string }
  | { readonly code: 'BLOB_MISMATCH'; readonly digest: string; readonly actual: string }
  | { readonly code: 'BLOB_TOO_LARGE'; readonly maxBytes: number }
  | { readonly code: 'BLOB_UNAVAILABLE'; readonly digest: string; readonly asked: number }

export class BlobError extends CodedError<BlobErrorDetail> {}
