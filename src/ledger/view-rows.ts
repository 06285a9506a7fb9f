import type { ProjectName, Sha256 } from '../core/ids.ts'
import { jobParts } from '../core/job.ts'
import type { MeshRecord, ObservedRecord, ResultRecord } from '../core/record.ts'
import { decodeFacts, encodeFact, factWriter, insertFact, rowFactId, type RowFact } from './fact-row.ts'
import { insertLine, textBytes } from './line-row.ts'
import type { NewestResult } from './newest-results.ts'
import { isNewer } from './observations.ts'
import type { Received } from './received.ts'
import { blobKey, observedKey, projectKey, releaseKey, releaseText, ROW } from './row-keys.ts'
import type { RowOverlay } from './row-overlay.ts'

export interface RecordBytes {
  /** The bytes of each record of an entry. */
  slices(bytes: Uint8Array): readonly Uint8Array[]
  record(slice: Uint8Array): MeshRecord
}

/** An entry, and the rows that it changes: of each of its records that is a result, in their order. */
export interface Placed extends Received {
  readonly places: readonly ResultRows[]
}

/** The rows of one result. */
export interface ResultRows {
  readonly project: ProjectName
  readonly version: string
  readonly releaseKey: string
  readonly projectKey: string
  readonly blobKeys: readonly string[]
}

/** Works the keys out once: they are asked for first, and written afterwards. */
export function placed({ entry, bytes }: Received): Placed {
  const places: ResultRows[] = []
  for (const record of entry.records) if (record.kind === 'result') places.push(rowsOfResult(record))
  return { entry, bytes, places }
}

function rowsOfResult(record: ResultRecord): ResultRows {
  const { project, version } = jobParts(record.job)
  return {
    project,
    version,
    releaseKey: releaseKey(project, version),
    projectKey: projectKey(project),
    blobKeys: indexedBlobs(record).map(blobKey)
  }
}

/** Puts what an entry changes into the rows. Returns the results in it. */
export function writeEntry(
  overlay: RowOverlay,
  { entry, bytes, places }: Placed,
  codec: RecordBytes
): readonly NewestResult[] {
  const results: NewestResult[] = []
  if (!entry.records.some(isKept)) return results
  const slices = codec.slices(bytes)
  const encode = factWriter(entry.hash, entry.node, overlay.arena)
  for (const [index, record] of entry.records.entries()) {
    const slice = slices[index]
    if (slice === undefined) throw new TypeError('an entry has the bytes of each of its records')
    const fact = { entry: entry.hash, index, author: entry.node, order: 0, slice }
    const rows = record.kind === 'result' ? places[results.length] : undefined
    if (record.kind === 'result' && rows !== undefined) {
      fact.order = finishedMs(record)
      results.push(writeResult(overlay, rows, { ...fact, bytes: encode(fact) }))
    } else if (record.kind === 'observed') writeObserved(overlay, { ...fact, codec }, record)
    else if (record.kind === 'node') writeNode(overlay, fact, record.saidMs)
    else if (isKept(record)) overlay.put(ROW.fact + rowFactId(fact), encode(fact))
  }
  if (results.length > 0) countResults(overlay, entry.node, results.length)
  return results
}

/** What follows from nothing in them (yet), or stands beside the ledger, has no row. */
const WITHOUT_ROWS: ReadonlySet<MeshRecord['kind']> = new Set(['genesis', 'attest', 'checkpoint', 'unknown'])

function isKept({ kind }: MeshRecord): boolean {
  return !WITHOUT_ROWS.has(kind)
}

function writeResult(
  overlay: RowOverlay,
  rows: ResultRows,
  fact: RowFact & { readonly bytes: Uint8Array }
): NewestResult {
  const { project, version } = rows
  const before = overlay.get(rows.releaseKey)
  overlay.put(rows.releaseKey, before === undefined ? fact.bytes : insertFact(before, fact, fact.bytes))
  if (before === undefined) addLine(overlay, rows.projectKey, textBytes(version, overlay.arena))
  const release = textBytes(releaseText(rows), overlay.arena)
  for (const key of rows.blobKeys) addLine(overlay, key, release)
  return { finishedMs: fact.order, recordId: rowFactId(fact), project, version }
}

/** As {@link encodeFact} stores it: a time beyond what a double counts is no time. */
function finishedMs({ startedMs, durationMs }: ResultRecord): number {
  return Math.min(startedMs + durationMs, Number.MAX_SAFE_INTEGER)
}

function addLine(overlay: RowOverlay, key: string, line: Uint8Array): void {
  const before = overlay.get(key)
  const after = insertLine(before, line)
  if (after !== before) overlay.put(key, after)
}

function countResults(overlay: RowOverlay, author: string, added: number): void {
  const key = ROW.author + author
  overlay.putText(key, String(Number(overlay.text(key) ?? 0) + added))
}

/** By these a result is looked for: a wheel's METADATA is asked for together with the wheel. */
function indexedBlobs({ wheel, log }: ResultRecord): readonly Sha256[] {
  return wheel === undefined ? [log.sha256] : [log.sha256, wheel.sha256]
}

/** Each observer's newest, so that one is left when another's feed is cut. */
function writeObserved(
  overlay: RowOverlay,
  { codec, ...fact }: RowFact & { readonly codec: RecordBytes },
  record: ObservedRecord
): void {
  const key = observedKey(record.project, fact.author)
  const known = firstFact(overlay.get(key))
  const before = known && codec.record(known.slice)
  if (known !== undefined && before?.kind === 'observed') {
    const candidate = { recordId: rowFactId(fact), author: fact.author, record }
    if (!isNewer(candidate, { recordId: rowFactId(known), author: known.author, record: before })) return
  }
  overlay.put(key, encodeFact(fact, overlay.arena))
}

function writeNode(overlay: RowOverlay, fact: RowFact, saidMs: number): void {
  const key = ROW.node + fact.author
  const known = firstFact(overlay.get(key))
  if (known !== undefined && (saidMs < known.order || (saidMs === known.order && isBefore(fact, known))))
    return
  overlay.put(key, encodeFact({ ...fact, order: saidMs }, overlay.arena))
}

/** By hash of the entry, then by place in it. */
function isBefore(a: RowFact, b: RowFact): boolean {
  return a.entry === b.entry ? a.index < b.index : a.entry < b.entry
}

function firstFact(row: Uint8Array | undefined): RowFact | undefined {
  return row === undefined ? undefined : decodeFacts(row)[0]
}
