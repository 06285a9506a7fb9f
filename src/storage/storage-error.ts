import { CodedError, messageOf } from '../core/errors.ts'
import type { FeedId } from '../core/record.ts'

/** `cure` tells a person what to do; it is part of the message that they see. */
export type StorageErrorDetail =
  | { readonly code: 'STORAGE_LOCKED'; readonly folder: string; readonly cure: string }
  | { readonly code: 'STORAGE_CORRUPT'; readonly folder: string; readonly cure: string }
  | { readonly code: 'STORAGE_SCHEMA'; readonly found: string; readonly known: number; readonly cure: string }
  | {
      readonly code: 'STORAGE_FEED_BROKEN'
      readonly feed: string
      /** Seq that should come next, or be the last. */
      readonly expected: number
      readonly found: number
      readonly cure: string
    }
  | {
      readonly code: 'STORAGE_OUT_OF_ORDER'
      readonly feed: string
      readonly expected: number
      readonly seq: number
    }
  | { readonly code: 'STORAGE_FULL'; readonly folder: string; readonly cure: string }
  | { readonly code: 'STORAGE_READ_ONLY'; readonly folder: string; readonly cure: string }
  | { readonly code: 'STORAGE_BUSY'; readonly digest: string }
  | { readonly code: 'STORAGE_IO'; readonly folder: string; readonly reason: string }

export class StorageError extends CodedError<StorageErrorDetail> {}

/** A database that is gone or broken: the records are with the other nodes too. */
export const START_OVER =
  'move `ledger` and `ledger.made` of the data folder away and start the node again: it reads the records back from the mesh'
const FREE_SPACE = 'free some space; the node goes on by itself'
const REMOUNT =
  'the file system is read-only, often a worn SD card: check it with dmesg and remount it; the node goes on by itself'

/** Two programs on one database: `pid` is the other one's, where the system tells. */
export function lockedError(folder: string, pid: number | undefined, cause: unknown): StorageError {
  const who = pid === undefined ? 'another process uses this folder' : `process ${pid} uses this folder`
  const stop = pid === undefined ? 'stop it' : `stop it (kill ${pid})`
  return new StorageError(
    { code: 'STORAGE_LOCKED', folder, cure: `${who}: ${stop}, or name another folder with --data DIR` },
    { cause }
  )
}

/** What LevelDB or the file system said, in our words; our own errors and programmer mistakes pass as they are. */
export function toStorageError(error: unknown, folder: string): Error {
  if (error instanceof StorageError || error instanceof TypeError) return error
  const { codes, text } = facts(error)
  return new StorageError(detailOf(codes, text, folder), { cause: error })
}

function detailOf(codes: readonly string[], text: string, folder: string): StorageErrorDetail {
  const says = (code: string, words: string): boolean => codes.includes(code) || text.includes(words)
  if (codes.includes('LEVEL_LOCKED')) {
    return { code: 'STORAGE_LOCKED', folder, cure: 'another node uses this folder: stop it, or give --data' }
  }
  if (says('ENOSPC', 'No space left') || says('EDQUOT', 'quota exceeded')) {
    return { code: 'STORAGE_FULL', folder, cure: FREE_SPACE }
  }
  if (says('EROFS', 'Read-only file system')) return { code: 'STORAGE_READ_ONLY', folder, cure: REMOUNT }
  if (codes.includes('LEVEL_CORRUPTION') || text.includes('does not exist (create_if_missing is false)')) {
    return { code: 'STORAGE_CORRUPT', folder, cure: START_OVER }
  }
  return { code: 'STORAGE_IO', folder, reason: text }
}

/** LevelDB puts its own code into the cause: every code of the chain counts, and the innermost sentence. */
function facts(error: unknown): { readonly codes: readonly string[]; readonly text: string } {
  const chain: unknown[] = []
  for (
    let at = error;
    at !== undefined && chain.length < 5;
    at = at instanceof Error ? at.cause : undefined
  ) {
    chain.push(at)
  }
  const codes = chain.flatMap((at) => (at instanceof Error && 'code' in at ? [String(at.code)] : []))
  return { codes, text: messageOf(chain.at(-1)) }
}

/** Entries of a feed are not the unbroken row that its head promises. */
export function brokenFeed(feed: FeedId, expected: number, found: number): StorageError {
  return new StorageError({
    code: 'STORAGE_FEED_BROKEN',
    feed: `${feed.node}/${feed.incarnation}`,
    expected,
    found,
    cure: START_OVER
  })
}
