import type { Fence } from '../core/fence.ts'
import type { JobId } from '../core/ids.ts'
import type { SdistRef } from '../core/job.ts'
import type { BlobRef, BuildEnvironment, ResultRecord, WheelRef } from '../core/record.ts'
import { job } from './field-shapes.ts'
import { KeyTable, PlainCursor } from './plain-cursor.ts'
import { ResultParts } from './result-parts.ts'

/** What was read of a record so far. */
interface Draft {
  kind: string
  job: JobId | undefined
  sdist: SdistRef | undefined
  fence: Fence | undefined
  wheel: WheelRef | undefined
  log: BlobRef | undefined
  startedMs: number | undefined
  durationMs: number | undefined
  environment: BuildEnvironment | undefined
}

const MAX_JOB_CHARS = 600
const MAX_KIND_CHARS = 40

/** The fields of a record come in any order, those of its parts in that of our encoder. */
const FIELDS: Readonly<Record<keyof Draft, (reader: ResultParts, draft: Draft) => void>> = {
  kind: ({ cursor }, draft) => {
    draft.kind = cursor.text(MAX_KIND_CHARS)
  },
  job: ({ cursor }, draft) => {
    draft.job = job(cursor.text(MAX_JOB_CHARS), 'job')
  },
  sdist: (reader, draft) => {
    draft.sdist = reader.sdist()
  },
  fence: (reader, draft) => {
    draft.fence = reader.fence()
  },
  wheel: (reader, draft) => {
    draft.wheel = reader.wheel()
  },
  log: (reader, draft) => {
    draft.log = reader.blob()
  },
  startedMs: ({ cursor }, draft) => {
    draft.startedMs = cursor.integer(Number.MAX_SAFE_INTEGER)
  },
  durationMs: ({ cursor }, draft) => {
    draft.durationMs = cursor.integer(Number.MAX_SAFE_INTEGER)
  },
  environment: (reader, draft) => {
    draft.environment = reader.environment()
  }
}
const FIELD_KEYS = new KeyTable(Object.keys(FIELDS))

/**
 * Reads results with a wheel, which is nearly all that a ledger is made of, in a third of the time that the common decoder and its
 * shape checks take. It takes what they would take, to the same record, or else it takes nothing and leaves the record to them:
 * only they refuse anything. test/wire/result-reader.test.ts holds both against each other.
 */
export class ResultReader {
  readonly #parts: ResultParts

  /** `bytes` have been through scanCbor. */
  constructor(bytes: Uint8Array) {
    this.#parts = new ResultParts(new PlainCursor(bytes))
  }

  /** The record that begins there, when it is a plain one. */
  read(at: number): ResultRecord | undefined {
    const { cursor } = this.#parts
    cursor.at = at
    cursor.isOdd = false
    try {
      return this.#result()
    } catch {
      // its job is none: the common decoder says so
      return undefined
    }
  }

  #result(): ResultRecord | undefined {
    const { cursor } = this.#parts
    const draft: Draft = {
      kind: '',
      job: undefined,
      sdist: undefined,
      fence: undefined,
      wheel: undefined,
      log: undefined,
      startedMs: undefined,
      durationMs: undefined,
      environment: undefined
    }
    const left = cursor.map()
    for (let field = 0; field < left && !cursor.isOdd; field++) {
      const key = cursor.key(FIELD_KEYS)
      if (isField(key)) FIELDS[key](this.#parts, draft)
    }
    return cursor.isOdd ? undefined : recordOf(draft)
  }
}

/** Undefined: something is missing, or it is of another kind. */
function recordOf(draft: Draft): ResultRecord | undefined {
  const { kind, job: of, sdist, fence, wheel, log, startedMs, durationMs, environment } = draft
  if (kind !== 'result' || of === undefined || sdist === undefined || fence === undefined) return undefined
  if (wheel === undefined || log === undefined || environment === undefined) return undefined
  if (startedMs === undefined || durationMs === undefined) return undefined
  return { kind, job: of, sdist, fence, wheel, log, startedMs, durationMs, environment }
}

function isField(key: string): key is keyof Draft {
  return key !== ''
}
