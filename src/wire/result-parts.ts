import type { Fence } from '../core/fence.ts'
import { isNodeId, type NodeId, type Sha256 } from '../core/ids.ts'
import type { SdistRef } from '../core/job.ts'
import { MAX_BLOB_BYTES, MAX_TEXT_CHARS } from '../core/limits.ts'
import {
  SMOKE_OUTCOMES,
  type BlobRef,
  type BuildEnvironment,
  type SmokeTest,
  type WheelRef
} from '../core/record.ts'
import { MAX_COUNTER, MAX_FILE_NAME_CHARS, MAX_PACKAGE_NAME_CHARS, PLAIN_FILE_NAME } from './field-shapes.ts'
import { encodedKey, KeyTable, type PlainCursor } from './plain-cursor.ts'
import { RESULT_BOUNDS } from './result-codec.ts'

/** A part of a record that was read just now: the results of one builder repeat it. */
interface Known<T> {
  readonly bytes: Uint8Array
  readonly value: T
}

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
  requirements: encodedKey('requirements'),
  network: encodedKey('network'),
  outcome: encodedKey('outcome'),
  modules: encodedKey('modules'),
  reason: encodedKey('reason')
} as const
const MAX_NODE_ID_CHARS = 60
const MAX_OUTCOME_CHARS = 10
const WHEEL_FIELDS = 8
const SMOKE_FIELDS = 3
/** What a wheel may have beyond those, at its end. */
const LATER_KEYS = new KeyTable(['normalized', 'smoke', 'suspicious'])
type LaterParts = Pick<WheelRef, 'normalized' | 'smoke' | 'suspicious'>
const FENCE_FIELDS = 4
const ENVIRONMENT_FIELDS = 6

/** The parts of a result, read by a cursor that stands before them. */
export class ResultParts {
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
    const filename = this.#fileName()
    const sha256 = this.#sha256(KEY.sha256)
    const size = this.#integer(KEY.size, MAX_BLOB_BYTES)
    const pieces = cursor.skips(KEY.pieces) ? (cursor.hex64() as Sha256) : undefined
    const rest = {
      metadata: this.#sha256(KEY.metadata),
      metadataSize: this.#integer(KEY.metadataSize, MAX_BLOB_BYTES),
      requiresPython: this.#text(KEY.requiresPython, RESULT_BOUNDS.pythonRangeChars),
      aptPackages: this.#list(KEY.aptPackages, RESULT_BOUNDS.aptPackages, MAX_PACKAGE_NAME_CHARS),
      glibcFloor: this.#text(KEY.glibcFloor, RESULT_BOUNDS.glibcFloorChars)
    }
    const later = fields - WHEEL_FIELDS - (pieces === undefined ? 0 : 1)
    if (later !== 0) Object.assign(rest, this.#laterParts(later))
    return pieces === undefined
      ? { filename, sha256, size, ...rest }
      : { filename, sha256, size, pieces, ...rest }
  }

  #laterParts(count: number): LaterParts {
    const { cursor } = this
    if (count < 0) cursor.isOdd = true
    let parts: LaterParts = {}
    for (let part = 0; part < count && !cursor.isOdd; part++) {
      const key = cursor.key(LATER_KEYS)
      if (key === 'normalized') parts = { ...parts, normalized: cursor.hex64() as Sha256 }
      else if (key === 'smoke') parts = { ...parts, smoke: this.#smoke() }
      else parts = { ...parts, suspicious: cursor.text(MAX_TEXT_CHARS) }
    }
    return parts
  }

  #smoke(): SmokeTest {
    this.#fields(SMOKE_FIELDS)
    const said = this.#text(KEY.outcome, MAX_OUTCOME_CHARS)
    const outcome = SMOKE_OUTCOMES.find((one) => one === said)
    if (outcome === undefined) this.cursor.isOdd = true
    return {
      outcome: outcome ?? 'unknown',
      modules: this.#integer(KEY.modules, RESULT_BOUNDS.smokeModules),
      reason: this.#text(KEY.reason, MAX_TEXT_CHARS)
    }
  }

  environment(): BuildEnvironment {
    const known = this.#environment
    if (known !== undefined && this.cursor.skips(known.bytes)) return known.value
    const start = this.cursor.at
    const fields = this.cursor.map()
    const value: BuildEnvironment = {
      digest: this.#sha256(KEY.digest),
      python: this.#text(KEY.python, RESULT_BOUNDS.titleChars),
      compiler: this.#text(KEY.compiler, RESULT_BOUNDS.titleChars),
      os: this.#text(KEY.os, RESULT_BOUNDS.titleChars),
      sandboxLevel: this.#integer(KEY.sandboxLevel, RESULT_BOUNDS.sandboxLevel),
      requirements: this.#list(KEY.requirements, RESULT_BOUNDS.requirements, RESULT_BOUNDS.requirementChars),
      ...(fields === ENVIRONMENT_FIELDS ? {} : { network: this.#network(fields) })
    }
    if (!this.cursor.isOdd) this.#environment = { bytes: this.cursor.since(start), value }
    return value
  }

  /** The only thing that an environment may have beyond the others. */
  #network(fields: number): readonly string[] {
    if (fields !== ENVIRONMENT_FIELDS + 1) this.cursor.isOdd = true
    return this.#list(KEY.network, RESULT_BOUNDS.networkHosts, RESULT_BOUNDS.hostChars)
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
