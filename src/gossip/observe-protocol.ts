import type { NodeId, ProjectName } from '../core/ids.ts'
import { MAX_TEXT_CHARS, OBSERVER_ANSWER_MS, OBSERVER_WORD_MS } from '../core/limits.ts'
import type { AbortOptions, Log, ObserverAnswer } from '../core/ports.ts'
import { line, milliseconds, project } from '../wire/field-shapes.ts'
import { fields, oneOf, type Shape } from '../wire/shape.ts'
import { malformed } from '../wire/wire-error.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'
import { openToMember, serveMembers, type ProtocolSpec } from './member-protocol.ts'
import { createSlots } from './slots.ts'

/*
 * A member asks the one that follows upstream for a project. One question a stream: `{project}`; `{kind: 'working'}` at once, so
 * that who asks knows that somebody is there; then the answer. Spec: docs/protocol/upstream.md#asking-the-observer
 */

const OBSERVE: ProtocolSpec = {
  name: 'observe',
  frames: { maxFrameBytes: 8 * 1024, timeoutMs: OBSERVER_ANSWER_MS }
}
/** Questions that a node has open: a member's connection takes no more streams. */
const MAX_QUESTIONS = 12
const ANSWERS = ['working', 'observed', 'missing', 'trouble', 'elsewhere'] as const

/** Answers a member's question. It never rejects. */
export type ObserverDesk = (project: ProjectName) => Promise<ObserverAnswer>

export interface ObserverExchange {
  /** Asks one member. Rejects when it says nothing in time, does not know this protocol, or cannot be reached. */
  ask(to: NodeId, project: ProjectName, options?: AbortOptions): Promise<ObserverAnswer>
  /** One desk; before there is one, this node follows nothing. */
  onAsked(desk: ObserverDesk): void
  serve(log: Log): Promise<void>
}

/** `wordMs`: how long the first word may take. */
export function createObserverExchange(
  host: MeshHost,
  { wordMs = OBSERVER_WORD_MS }: { readonly wordMs?: number } = {}
): ObserverExchange {
  const slots = createSlots(MAX_QUESTIONS)
  let desk: ObserverDesk = async () => ({ kind: 'elsewhere' })
  return {
    ask: (to, project, { signal } = {}) => slots.run(() => ask(host, { to, project, signal, wordMs })),
    onAsked(next) {
      desk = next
    },
    serve: (log) =>
      serveMembers({ host, log }, OBSERVE, async (stream) => {
        const asked = project(fields(await stream.read(), 'question')['project'], 'project')
        await stream.write({ kind: 'working' })
        const answer = await desk(asked)
        await stream.write(
          answer.kind === 'trouble' ? { ...answer, reason: answer.reason.slice(0, MAX_TEXT_CHARS) } : answer
        )
      })
  }
}

interface Question {
  readonly to: NodeId
  readonly project: ProjectName
  readonly signal: AbortSignal | undefined
  readonly wordMs: number
}

async function ask(host: MeshHost, { to, project, signal, wordMs }: Question): Promise<ObserverAnswer> {
  const soon = AbortSignal.timeout(wordMs)
  const opening = signal === undefined ? soon : AbortSignal.any([signal, soon])
  const stream = await openToMember(host, to, OBSERVE, { signal: opening })
  const giveUp = (): void => {
    stream.abort(new GossipError({ code: 'STREAM_STALLED', afterMs: wordMs }))
  }
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    await stream.write({ project })
    return await answerOn(stream, soon, giveUp)
  } catch (error) {
    stream.abort(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

/** The first word must come soon; the answer may take as long as upstream does. */
async function answerOn(stream: FrameStream, soon: AbortSignal, giveUp: () => void): Promise<ObserverAnswer> {
  soon.addEventListener('abort', giveUp, { once: true })
  const word = readAnswer(await stream.read())
  soon.removeEventListener('abort', giveUp)
  const answer = word.kind === 'working' ? readAnswer(await stream.read()) : word
  await stream.close()
  if (answer.kind === 'working') throw new TypeError('an observer that only works')
  return answer
}

function readAnswer(value: unknown): ObserverAnswer | { readonly kind: 'working' } {
  const map = fields(value, 'answer')
  const kind = oneOf(ANSWERS)(map['kind'], 'kind')
  switch (kind) {
    case 'observed':
      return {
        kind,
        record: recordId(map['record'], 'record'),
        ageMs: milliseconds(map['ageMs'], 'ageMs')
      }
    case 'missing':
      return { kind, ageMs: milliseconds(map['ageMs'], 'ageMs') }
    case 'trouble':
      return { kind, reason: line(map['reason'], 'reason') }
    case 'working':
    case 'elsewhere':
      return { kind }
  }
}

/** `<digest of the entry>:<place in it>` */
const recordId: Shape<string> = (value, name) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}:\d{1,3}$/.test(value)) {
    throw malformed(`${name} is not a record id`)
  }
  return value
}
