/** Base of every error this program throws on purpose: a stable code plus the facts behind it. */
export abstract class CodedError<D extends { readonly code: string }> extends Error {
  readonly detail: D

  constructor(detail: D, options?: ErrorOptions) {
    super(describe(detail), options)
    this.name = new.target.name
    this.detail = detail
  }

  get code(): D['code'] {
    return this.detail.code
  }
}

function describe({ code, ...facts }: { readonly code: string }): string {
  const rest = Object.entries(facts).map(([key, value]) => `${key}=${String(value)}`)
  return [code, ...rest].join(' ')
}

/** For the branch of a switch that the types say cannot be reached. */
export function assertNever(value: never): never {
  throw new TypeError(`unhandled case: ${JSON.stringify(value)}`)
}

/** The message of anything that was thrown, for logs and answers to people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
