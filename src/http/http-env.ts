import type { IncomingMessage, ServerResponse } from 'node:http'

/** What http/server.ts gives every request; all absent in a test by `app.request()`. */
export interface HttpBindings {
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
  /** Aborted when the server stops: whoever streams without end must end. */
  readonly stopping?: AbortSignal
}

export interface HttpEnv {
  readonly Bindings: HttpBindings
}
