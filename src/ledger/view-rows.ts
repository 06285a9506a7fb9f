import { parseJobId } from '../core/job.ts'
import type { Sha256 } from '../core/ids.ts'
import type { MeshRecord, ObservedRecord, ResultRecord } from '../core/record.ts'
import { encodeFact, decodeFacts, insertFact, rowFactId, type RowFact } from './fact-row.ts'
import type { NewestResult } from './newest-results.ts'
import { isNewer } from './observations.ts'
import type { Received } from './received.ts'
import { blobKey, observedKey, releaseKey, releaseText, ROW } from './row-keys.ts'
import type { RowOverlay } from './row-overlay.ts'

export interface RecordBytes {
  /** The bytes of each record of an entry. */
  slices(bytes: Uint8Array): readonly Uint8Array[]
  record(slice: Uint8Array): MeshRecord
}

/** Puts what an entry changes into the rows. Returns the results in it. */
export function writeEntry(
  overlay: RowOverlay,
  { entry, bytes }: Received,
  codec: RecordBytes
): readonly NewestResult[] {
  const results: NewestResult[] = []
  if (!entry.records.some(isKept)) return results
  const slices = codec.slices(bytes)
  for (const [index, record] of entry.records.entries()) {
    const slice = slices[index]
    if (slice === undefined) throw new TypeError('an entry has the bytes of each of its records')
    const fact = { entry: entry.hash, index, author: entry.node, order: 0, slice }
    if (record.kind === 'result') results.push(writeResult(overlay, fact, record))
    else if (record.kind === 'observed') writeObserved(overlay, { ...fact, codec }, record)
    else if (record.kind === 'node') writeNode(overlay, fact, record.saidMs)
    else if (isKept(record)) overlay.put(ROW.fact + rowFactId(fact), encodeFact(fact))
  }
  return results
}

/** The rows that {@link writeEntry} looks at for results, each once. */
export function keysRead(received: readonly Received[]): readonly string[] {
  const keys = new Set<string>()
  for (const { entry } of received)
    for (const record of entry.records) {
      if (record.kind !== 'result') continue
      const { project, version } = parseJobId(record.job)
      keys.add(releaseKey(project, version)).add(ROW.project + project)
      for (const digest of indexedBlobs(record)) keys.add(blobKey(digest))
    }
  return [...keys]
}

/** What follows from nothing in them (yet), or stands beside the ledger, has no row. */
const WITHOUT_ROWS: ReadonlySet<MeshRecord['kind']> = new Set(['genesis', 'attest', 'checkpoint', 'unknown'])

function isKept({ kind }: MeshRecord): boolean {
  return !WITHOUT_ROWS.has(kind)
}

function writeResult(overlay: RowOverlay, fact: RowFact, record: ResultRecord): NewestResult {
  const { project, version } = parseJobId(record.job)
  const finishedMs = Math.min(record.startedMs + record.durationMs, Number.MAX_SAFE_INTEGER)
  const key = releaseKey(project, version)
  const before = overlay.get(key)
  overlay.put(key, insertFact(before, { ...fact, order: finishedMs }))
  if (before === undefined) overlay.addLine(ROW.project + project, version)
  for (const digest of indexedBlobs(record))
    overlay.addLine(blobKey(digest), releaseText({ project, version }))
  overlay.putText(ROW.author + fact.author, String(Number(overlay.text(ROW.author + fact.author) ?? 0) + 1))
  return { finishedMs, recordId: rowFactId(fact), project, version }
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
  overlay.put(key, encodeFact(fact))
}

function writeNode(overlay: RowOverlay, fact: RowFact, saidMs: number): void {
  const key = ROW.node + fact.author
  const known = firstFact(overlay.get(key))
  if (known !== undefined && (saidMs < known.order || (saidMs === known.order && isBefore(fact, known))))
    return
  overlay.put(key, encodeFact({ ...fact, order: saidMs }))
}

/** By hash of the entry, then by place in it. */
function isBefore(a: RowFact, b: RowFact): boolean {
  return a.entry === b.entry ? a.index < b.index : a.entry < b.entry
}

function firstFact(row: Uint8Array | undefined): RowFact | undefined {
  return row === undefined ? undefined : decodeFacts(row)[0]
}
