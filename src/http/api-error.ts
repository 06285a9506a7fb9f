import { CodedError } from '../core/errors.ts'
import type { ApiErrorCode, ErrorView } from './error-types.ts'

export interface ApiErrorDetail {
  readonly code: ApiErrorCode
  /** What was wrong, for people. */
  readonly message: string
  /** What to do about it; `''` when nothing can be said. */
  readonly hint: string
}

/** A refusal that goes to the client as it is; sources of the API throw it too. */
export class ApiError extends CodedError<ApiErrorDetail> {}

const STATUS_OF: Readonly<Record<ApiErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  TOO_LARGE: 413,
  WRONG_CONTENT_TYPE: 415,
  INTERNAL: 500,
  UNAVAILABLE: 503
}

export function apiError(code: ApiErrorCode, message: string, hint = ''): ApiError {
  return new ApiError({ code, message, hint })
}

export function errorAnswer({ code, message, hint }: ApiErrorDetail): Response {
  return jsonAnswer({ error: { code, message, hint } } satisfies ErrorView, STATUS_OF[code])
}

export function jsonAnswer(value: unknown, status = 200): Response {
  return jsonAnswerOf(JSON.stringify(value), status)
}

/** Of JSON that is text already. */
export function jsonAnswerOf(text: string, status = 200): Response {
  return new Response(text, {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff'
    }
  })
}
