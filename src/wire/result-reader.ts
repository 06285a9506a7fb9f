import type { Fence } from '../core/fence.ts'
import { isNodeId, type JobId, type NodeId, type Sha256 } from '../core/ids.ts'
import type { SdistRef } from '../core/job.ts'
import { MAX_BLOB_BYTES } from '../core/limits.ts'
import type { BlobRef, BuildEnvironment, ResultRecord, WheelRef } from '../core/record.ts'
import {
  job,
  MAX_COUNTER,
  MAX_FILE_NAME_CHARS,
  MAX_PACKAGE_NAME_CHARS,
  PLAIN_FILE_NAME
} from './field-shapes.ts'
import { encodedKey, KeyTable, PlainCursor } from './plain-cursor.ts'
import { RESULT_BOUNDS } from './result-codec.ts'

/** A part of a record that was read just now: the results of one builder repeat it. */
interface Known<T> {
  readonly bytes: Uint8Array
  readonly value: T
}

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
const MAX_NODE_ID_CHARS = 60

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

const KEY = {
  filename: encodedKey('filename'),
  sha256: encodedKey('sha256'),
  size: encodedKey('size'),
  epoch: encodedKey('epoch'),
  view: encodedKey('view'),
  term: encodedKey('term'),
  holder: encodedKey('holder'),
  pieces: encodedKey('pieces'),
  metadata: encodedKey('metadata'),
  metadataSize: encodedKey('metadataSize'),
  requiresPython: encodedKey('requiresPython'),
  aptPackages: encodedKey('aptPackages'),
  glibcFloor: encodedKey('glibcFloor'),
  digest: encodedKey('digest'),
  python: encodedKey('python'),
  compiler: encodedKey('compiler'),
  os: encodedKey('os'),
  sandboxLevel: encodedKey('sandboxLevel'),
  requirements: encodedKey('requirements')
} as const
const WHEEL_FIELDS = 8
const FENCE_FIELDS = 4
const ENVIRONMENT_FIELDS = 6

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

/** The parts of a result. */
class ResultParts {
  readonly cursor: PlainCursor
  #fence: Known<Fence> | undefined
  #environment: Known<BuildEnvironment> | undefined

  constructor(cursor: PlainCursor) {
    this.cursor = cursor
  }

  sdist(): SdistRef {
    const fields = this.cursor.map()
    const filename = this.#fileName()
    const sha256 = this.#sha256(KEY.sha256)
    if (fields === 2) return { filename, sha256 }
    if (fields !== 3) this.cursor.isOdd = true
    return { filename, sha256, size: this.#integer(KEY.size, MAX_BLOB_BYTES) }
  }

  blob(): BlobRef {
    this.#fields(2)
    return { sha256: this.#sha256(KEY.sha256), size: this.#integer(KEY.size, MAX_BLOB_BYTES) }
  }

  fence(): Fence {
    const known = this.#fence
    if (known !== undefined && this.cursor.skips(known.bytes)) return known.value
    const start = this.cursor.at
    this.#fields(FENCE_FIELDS)
    const value: Fence = {
      epoch: this.#integer(KEY.epoch, MAX_COUNTER),
      view: this.#text(KEY.view, RESULT_BOUNDS.viewChars),
      term: this.#integer(KEY.term, MAX_COUNTER),
      holder: this.#text(KEY.holder, MAX_NODE_ID_CHARS) as NodeId
    }
    if (!isNodeId(value.holder)) this.cursor.isOdd = true
    if (!this.cursor.isOdd) this.#fence = { bytes: this.cursor.since(start), value }
    return value
  }

  wheel(): WheelRef {
    const { cursor } = this
    const fields = cursor.map()
    if (fields !== WHEEL_FIELDS && fields !== WHEEL_FIELDS + 1) cursor.isOdd = true
    const filename = this.#fileName()
    const sha256 = this.#sha256(KEY.sha256)
    const size = this.#integer(KEY.size, MAX_BLOB_BYTES)
    const pieces = fields > WHEEL_FIELDS ? this.#sha256(KEY.pieces) : undefined
    const rest = {
      metadata: this.#sha256(KEY.metadata),
      metadataSize: this.#integer(KEY.metadataSize, MAX_BLOB_BYTES),
      requiresPython: this.#text(KEY.requiresPython, RESULT_BOUNDS.pythonRangeChars),
      aptPackages: this.#list(KEY.aptPackages, RESULT_BOUNDS.aptPackages, MAX_PACKAGE_NAME_CHARS),
      glibcFloor: this.#text(KEY.glibcFloor, RESULT_BOUNDS.glibcFloorChars)
    }
    return pieces === undefined
      ? { filename, sha256, size, ...rest }
      : { filename, sha256, size, pieces, ...rest }
  }

  environment(): BuildEnvironment {
    const known = this.#environment
    if (known !== undefined && this.cursor.skips(known.bytes)) return known.value
    const start = this.cursor.at
    this.#fields(ENVIRONMENT_FIELDS)
    const value: BuildEnvironment = {
      digest: this.#sha256(KEY.digest),
      python: this.#text(KEY.python, RESULT_BOUNDS.titleChars),
      compiler: this.#text(KEY.compiler, RESULT_BOUNDS.titleChars),
      os: this.#text(KEY.os, RESULT_BOUNDS.titleChars),
      sandboxLevel: this.#integer(KEY.sandboxLevel, RESULT_BOUNDS.sandboxLevel),
      requirements: this.#list(KEY.requirements, RESULT_BOUNDS.requirements, RESULT_BOUNDS.requirementChars)
    }
    if (!this.cursor.isOdd) this.#environment = { bytes: this.cursor.since(start), value }
    return value
  }

  #fields(count: number): void {
    if (this.cursor.map() !== count) this.cursor.isOdd = true
  }

  #fileName(): string {
    const name = this.#text(KEY.filename, MAX_FILE_NAME_CHARS)
    if (!PLAIN_FILE_NAME.test(name)) this.cursor.isOdd = true
    return name
  }

  #text(key: Uint8Array, max: number): string {
    this.cursor.expect(key)
    return this.cursor.text(max)
  }

  #sha256(key: Uint8Array): Sha256 {
    this.cursor.expect(key)
    return this.cursor.hex64() as Sha256
  }

  #integer(key: Uint8Array, max: number): number {
    this.cursor.expect(key)
    return this.cursor.integer(max)
  }

  #list(key: Uint8Array, max: number, maxChars: number): readonly string[] {
    this.cursor.expect(key)
    const count = this.cursor.array(max)
    const items: string[] = []
    while (items.length < count && !this.cursor.isOdd) items.push(this.cursor.text(maxChars))
    return items
  }
}

function isField(key: string): key is keyof Draft {
  return key !== ''
}
