/** Every answer of the API that is no 2xx. */
export interface ErrorView {
  readonly error: { readonly code: ApiErrorCode; readonly message: string; readonly hint: string }
}

export type ApiErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'TOO_LARGE'
  | 'WRONG_CONTENT_TYPE'
  | 'UNAVAILABLE'
  | 'INTERNAL'
