import { CodedError } from '../core/errors.ts'

export type CliErrorCode =
  /** The command cannot be understood. */
  | 'USAGE'
  | 'NOT_RUNNING'
  /** The node said no. */
  | 'REFUSED'
  /** It was done, and did not come out well. */
  | 'FAILED'
  /** Ctrl-C came, and it has told how far it got. */
  | 'INTERRUPTED'

export interface CliErrorDetail {
  readonly code: CliErrorCode
  readonly message: string
  /** What to do about it; `''` when nothing can be said. */
  readonly hint: string
}

/** How a command ends that could not do what it was asked. */
export class CliError extends CodedError<CliErrorDetail> {}

export function cliError(code: CliErrorCode, message: string, hint = '', options?: ErrorOptions): CliError {
  return new CliError({ code, message, hint }, options)
}
