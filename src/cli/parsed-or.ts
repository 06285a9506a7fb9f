import { messageOf } from '../core/errors.ts'
import { cliError } from './cli-error.ts'

/** What a parser of core makes of a person's text; its TypeError becomes a usage error that names the argument. */
export function parsedOr<T>(argument: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw cliError('USAGE', `${argument}: ${messageOf(cause)}`, '', { cause })
  }
}
