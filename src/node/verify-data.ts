import { messageOf } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import type { BlobStore, FeedHead, StoredEntry } from '../core/ports.ts'
import type { Entry, FeedId } from '../core/record.ts'
import type { BadBlobView, VerifyProgressView, VerifyReportView } from '../http/verify-types.ts'
import { checkTables, tableBytes } from '../storage/check-database-files.ts'

export interface VerifyParts {
  readonly dataDir: string
  readonly store: Pick<BlobStore, 'list' | 'size'> & { readonly verify: (digest: Sha256) => Promise<boolean> }
  readonly heads: () => Promise<readonly FeedHead[]> | readonly FeedHead[]
  readonly range: (feed: FeedId, fromSeq: number, toSeq?: number) => AsyncIterable<StoredEntry>
  readonly codec: {
    open(bytes: Uint8Array): Entry
    isSigned(entry: Entry, bytes: Uint8Array): boolean
  }
  /** Waits as long as it takes to keep to the pace after reading so many bytes; throws when it is to end. */
  readonly pace: (bytes: number) => Promise<void>
  readonly onProgress: (progress: VerifyProgressView) => void
  /** A blob has the wrong bytes: what was done about it. */
  readonly onBadBlob: (digest: Sha256) => Promise<BadBlobView['done']>
}

/** Between two reports of progress. */
const PROGRESS_BYTES = 32 * 1024 * 1024
const PROGRESS_ENTRIES = 5_000

/**
 * Reads all that is on the disk and compares it: tables with their checksums, feeds with their chains and one signature at
 * the end (it vouches for all before it), blobs with their digests.
 */
export async function verifyData(parts: VerifyParts): Promise<VerifyReportView> {
  const tables = await verifyTables(parts)
  const feeds = await verifyFeeds(parts)
  const blobs = await verifyBlobs(parts)
  const ok = tables.bad.length + feeds.bad.length + blobs.bad.length === 0
  return { ok, tables, feeds, blobs }
}

export async function verifyTables({
  dataDir,
  pace,
  onProgress
}: VerifyParts): Promise<VerifyReportView['tables']> {
  const total = await tableBytes(dataDir)
  let done = 0
  const { tables, findings } = await checkTables(dataDir, {
    async onBytes(bytes) {
      const before = done
      done += bytes
      if (passes(before, done, PROGRESS_BYTES)) onProgress({ step: 'tables', done, total })
      await pace(bytes)
    }
  })
  onProgress({ step: 'tables', done, total })
  return { checked: tables, bad: findings }
}

export async function verifyFeeds(parts: VerifyParts): Promise<VerifyReportView['feeds']> {
  const heads = await parts.heads()
  const total = heads.reduce((sum, { seq }) => sum + seq, 0)
  const bad: VerifyReportView['feeds']['bad'][number][] = []
  let entries = 0
  for (const head of heads) {
    const sound = await verifyFeed(parts, head, (seen) => {
      if (passes(entries + seen - 1, entries + seen, PROGRESS_ENTRIES)) {
        parts.onProgress({ step: 'feeds', done: entries + seen, total })
      }
    })
    entries += sound.seq
    if (sound.problem !== undefined) {
      bad.push({ feed: `${head.node}/${head.incarnation}`, seq: sound.seq + 1, problem: sound.problem })
    }
  }
  parts.onProgress({ step: 'feeds', done: entries, total })
  return { checked: heads.length, entries, bad }
}

interface SoundPart {
  /** The last entry that is as it must be. */
  readonly seq: number
  readonly problem?: string
}

async function verifyFeed(
  parts: VerifyParts,
  head: FeedHead,
  onEntry: (seq: number) => void
): Promise<SoundPart> {
  const walked: Walked = { last: undefined }
  try {
    const broken = await walkFeed(parts, head, (last) => {
      walked.last = last
      onEntry(last.entry.seq)
    })
    return broken ?? endOfFeed(parts, head, walked)
  } catch (error) {
    return { seq: walked.last?.entry.seq ?? 0, problem: messageOf(error) }
  }
}

interface Walked {
  last: { readonly entry: Entry; readonly bytes: Uint8Array } | undefined
}

/** undefined: every entry is in its place, and names the one before it. */
async function walkFeed(
  { range, codec, pace }: VerifyParts,
  head: FeedHead,
  onEntry: (last: NonNullable<Walked['last']>) => void
): Promise<SoundPart | undefined> {
  let prev: Sha256 | '' = ''
  for await (const { seq, bytes } of range(head, 1, head.seq)) {
    const entry = codec.open(bytes)
    const problem = misplaced(entry, { ...head, seq }, prev)
    if (problem !== undefined) return { seq: seq - 1, problem }
    prev = entry.hash
    onEntry({ entry, bytes })
    await pace(bytes.byteLength)
  }
  return undefined
}

function endOfFeed({ codec }: VerifyParts, head: FeedHead, { last }: Walked): SoundPart {
  const seq = last?.entry.seq ?? 0
  if (seq < head.seq) return { seq, problem: `it ends there, and its head says ${head.seq}` }
  if (last === undefined) return { seq }
  if (last.entry.hash !== head.hash) return { seq: seq - 1, problem: 'its head names other bytes' }
  return codec.isSigned(last.entry, last.bytes)
    ? { seq }
    : { seq: seq - 1, problem: 'its signature is wrong' }
}

function misplaced(entry: Entry, place: FeedId & { readonly seq: number }, prev: string): string | undefined {
  const { node, incarnation, seq } = entry
  if (node !== place.node || incarnation !== place.incarnation || seq !== place.seq) {
    return 'it says that it belongs elsewhere'
  }
  return entry.prev === prev ? undefined : 'it does not follow the entry before it'
}

/** `fromPrefix`: passes over blobs that sort before it, for whoever goes on where it was. */
export async function verifyBlobs(
  parts: VerifyParts,
  { fromPrefix = '', onBlob }: { fromPrefix?: string; onBlob?: (digest: Sha256) => Promise<void> } = {}
): Promise<VerifyReportView['blobs']> {
  const { store, pace, onProgress } = parts
  const total = await bytesOf(store)
  const bad: BadBlobView[] = []
  let [checked, bytes] = [0, 0]
  for await (const { digest, size } of store.list()) {
    if (digest < fromPrefix) continue
    const isSound = await isSoundOrGone(store, digest)
    if (!isSound) bad.push({ sha256: digest, done: await parts.onBadBlob(digest) })
    checked += 1
    if (passes(bytes, bytes + size, PROGRESS_BYTES)) onProgress({ step: 'blobs', done: bytes + size, total })
    bytes += size
    await pace(size)
    await onBlob?.(digest)
  }
  onProgress({ step: 'blobs', done: bytes, total })
  return { checked, bytes, bad }
}

/** What was dropped while it was read, to make room perhaps, is not broken. */
async function isSoundOrGone(store: VerifyParts['store'], digest: Sha256): Promise<boolean> {
  try {
    return await store.verify(digest)
  } catch {
    return (await store.size(digest).catch(() => 0)) === undefined
  }
}

async function bytesOf(store: VerifyParts['store']): Promise<number> {
  let bytes = 0
  for await (const { size } of store.list()) bytes += size
  return bytes
}

function passes(before: number, after: number, step: number): boolean {
  return Math.floor(before / step) < Math.floor(after / step)
}
