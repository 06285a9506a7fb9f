import { CodedError } from '../core/errors.ts'

/** What is wrong with a wheel: thrown inside the inspection, a value outside of it (build/inspect-port.ts). */
export class WheelRefusal extends CodedError<{
  readonly code: 'WHEEL_REFUSED'
  /** Stable, kebab-case. */
  readonly cause: RefusalCause
  readonly reason: string
}> {}

export type RefusalCause =
  | 'bad-wheel-name'
  | 'wrong-project'
  | 'wrong-version'
  | 'unexpected-build-tag'
  | 'signed-wheel'
  | 'unsupported-tags'
  | 'malformed-archive'
  | 'archive-too-large'
  | 'archive-bomb'
  | 'unsafe-member'
  | 'duplicate-member'
  | 'bad-dist-info'
  | 'bad-wheel-file'
  | 'tags-differ'
  | 'bad-metadata'
  | 'record-mismatch'
  | 'compiled-code-in-pure-wheel'
  | 'malformed-elf'
  | 'wrong-machine'
  | 'foreign-library-path'
  | 'glibc-too-new'

/** Names out of a wheel go into reasons: no room for essays, none for control characters. */
const MAX_REASON_CHARS = 300

export function refuse(cause: RefusalCause, reason: string): never {
  throw new WheelRefusal({
    code: 'WHEEL_REFUSED',
    cause,
    reason: reason.slice(0, MAX_REASON_CHARS).replace(/\p{Cc}/gu, ' ')
  })
}
