import type { ApiFile } from '../config/api-file.ts'
import type {
  ActionAnswer,
  BuildView,
  HealthView,
  InviteAnswer,
  InviteRequest,
  JobView,
  NodeAction,
  NodeView,
  PauseRequest,
  StatusView,
  UnlockView,
  WantAnswer,
  WantRequest,
  WantView,
  WhyView
} from '../http/api-types.ts'
import type { ReproduceEvent, ReproduceRequest } from '../http/reproduce-types.ts'
import type { ErrorView } from '../http/error-types.ts'
import type { EntriesRequest, VerifyEvent, VerifyRequest } from '../http/verify-types.ts'
import { type CliError, cliError } from './cli-error.ts'

/** A node on the other end of its HTTP API. Every function throws a CliError when there is no good answer. */
export interface NodeApi {
  readonly url: string
  status(): Promise<StatusView>
  health(): Promise<HealthView>
  nodes(): Promise<readonly NodeView[]>
  jobs(filter: Readonly<Record<string, string | undefined>>): Promise<readonly JobView[]>
  wants(id: string): Promise<readonly WantView[]>
  /** undefined: nobody knows the project. */
  why(project: string): Promise<WhyView | undefined>
  log(digest: string): Promise<string>
  /** Server-sent events, as they come. */
  events(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  want(request: WantRequest): Promise<WantAnswer>
  invite(request: InviteRequest): Promise<InviteAnswer>
  act(action: NodeAction, request?: PauseRequest): Promise<ActionAnswer>
  /** The newest ones. */
  builds(): Promise<readonly BuildView[]>
  /** Packages of the system that failed jobs lacked. */
  unlocks(): Promise<readonly UnlockView[]>
  /** As they come; the last one is the report. */
  verify(request: VerifyRequest): AsyncIterable<VerifyEvent>
  /** As they come; the last one is the report, or says why there is none. */
  reproduce(request: ReproduceRequest): AsyncIterable<ReproduceEvent>
  /** Envelopes as frames. */
  entries(request: EntriesRequest): AsyncIterable<Uint8Array>
}

/** `why` may have to ask upstream first. */
const ANSWER_TIMEOUT_MS = 90_000

export function createApiClient(file: ApiFile, signal: AbortSignal): NodeApi {
  const call = createCall(file, signal)
  const read = async (path: string): Promise<unknown> => jsonOf(file, await call(path))
  const change = async (path: string, body: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${file.token}`, 'content-type': 'application/json' }
    return jsonOf(file, await call(path, { method: 'POST', headers, body: JSON.stringify(body) }))
  }
  return {
    url: file.url,
    status: async () => (await read('api/v1/status')) as StatusView,
    health: async () => (await call('health').then((answer) => parsed(file, answer))) as HealthView,
    nodes: async () => (await read('api/v1/nodes')) as readonly NodeView[],
    jobs: async (filter) => (await read(`api/v1/jobs${queryOf(filter)}`)) as readonly JobView[],
    wants: async (id) => (await read(`api/v1/wants${queryOf({ id })}`)) as readonly WantView[],
    async why(project) {
      const answer = await call(`api/v1/why/${encodeURIComponent(project)}`)
      return answer.status === 404 ? undefined : ((await jsonOf(file, answer)) as WhyView)
    },
    async log(digest) {
      // Inflated by the node, which bounds it: another node made the archive.
      const answer = await call(`logs/${digest}`, { headers: { 'accept-encoding': 'identity' } })
      const text = await answer.text()
      if (answer.ok) return text
      throw cliError('REFUSED', `the log cannot be had: ${text.trim().slice(0, 200)}`)
    },
    async events(ended) {
      const answer = await fetch(new URL('api/v1/events', file.url), { signal: ended })
      if (!answer.ok || answer.body === null) throw cliError('REFUSED', 'no events')
      return answer.body
    },
    want: async (request) => (await change('api/v1/wants', request)) as WantAnswer,
    invite: async (request) => (await change('api/v1/invites', request)) as InviteAnswer,
    act: async (action, request = {}) => (await change(`api/v1/${action}`, request)) as ActionAnswer,
    builds: async () => (await read('api/v1/builds')) as readonly BuildView[],
    unlocks: async () => (await read('api/v1/unlocks')) as readonly UnlockView[],
    verify: (request) => linesOf<VerifyEvent>(stream(file, signal, { path: 'api/v1/verify', body: request })),
    reproduce: (request) =>
      linesOf<ReproduceEvent>(stream(file, signal, { path: 'api/v1/reproduce', body: request })),
    entries: (request) => stream(file, signal, { path: 'api/v1/entries', body: request })
  }
}

type Call = (path: string, init?: RequestInit) => Promise<Response>

function createCall(file: ApiFile, signal: AbortSignal): Call {
  return async (path, init = {}) => {
    const both = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
    try {
      return await fetch(new URL(path, file.url), { ...init, signal: both })
    } catch (cause) {
      signal.throwIfAborted()
      throw notAnswering(file, cause)
    }
  }
}

/** The body of a long answer, chunk by chunk; no time-out, as the node may read its whole disk for it. */
async function* stream(
  file: ApiFile,
  signal: AbortSignal,
  { path, body }: { readonly path: string; readonly body: object }
): AsyncGenerator<Uint8Array> {
  const headers = { authorization: `Bearer ${file.token}`, 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body), signal }
  const answer = await fetch(new URL(path, file.url), init).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw notAnswering(file, cause)
  })
  if (!answer.ok) await jsonOf(file, answer)
  if (answer.body === null) return
  try {
    for await (const chunk of answer.body) yield chunk as Uint8Array
  } catch (cause) {
    signal.throwIfAborted()
    throw cliError('FAILED', 'the node broke its answer off', 'its log says why', { cause })
  }
}

/** JSON, one value a line. */
async function* linesOf<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as T
  }
}

function notAnswering({ url, pid }: ApiFile, cause: unknown): CliError {
  const message = `no node answers at ${url} (it was process ${pid})`
  return cliError('NOT_RUNNING', message, 'start it with: ./commonwheel join', { cause })
}

async function jsonOf(file: ApiFile, answer: Response): Promise<unknown> {
  const body = await parsed(file, answer)
  if (answer.ok) return body
  const { code, message, hint } = (body as Partial<ErrorView>).error ?? {}
  if (code === undefined) throw notOurs(file)
  if (code !== 'UNAUTHORIZED') throw cliError('REFUSED', message ?? code, hint)
  throw cliError(
    'REFUSED',
    `the node at ${file.url} does not take the token of this data folder`,
    'another node has the port: stop it, or start this one again'
  )
}

async function parsed(file: ApiFile, answer: Response): Promise<unknown> {
  const body: unknown = await answer.json().catch(() => undefined)
  if (typeof body === 'object' && body !== null) return body
  throw notOurs(file)
}

function notOurs({ url }: ApiFile): CliError {
  return cliError(
    'NOT_RUNNING',
    `what answers at ${url} is no Commonwheel node`,
    'start the node with: ./commonwheel join'
  )
}

function queryOf(filter: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}
