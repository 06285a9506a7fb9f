import type { Failure, FailureClass } from '../core/record.ts'

/** What one step of a build came to: a failed step ends the build with its reason. */
export type Step<T> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly failure: Failure }

export function done<T>(value: T): Step<T> {
  return { kind: 'done', value }
}

export function failed(failureClass: FailureClass, cause: string, reason: string): Step<never> {
  return { kind: 'failed', failure: { class: failureClass, cause, reason } }
}
