import { feedKey } from '../core/feed-heads.ts'
import type { FeedHead, StoredEntry, Verdict } from '../core/ports.ts'
import type { Entry } from '../core/record.ts'

/** What became of bytes that claim to be an entry. */
export type Admission =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'known' }
  /** Entries before this one are missing; ask for them. */
  | { readonly kind: 'gap' }
  | { readonly kind: 'not-a-member' }
  /** Its author signed two histories. Whoever handed it on need not know. */
  | { readonly kind: 'fork' }
  | { readonly kind: 'refused'; readonly why: string }

/** An entry and the bytes that it was read from. */
export interface Received {
  readonly entry: Entry
  readonly bytes: Uint8Array
}

/** Entries of one feed, one after the other, each naming the one before. */
export function isChain(received: readonly Received[]): boolean {
  return received.every(({ entry }, index) => {
    const before = received[index - 1]?.entry
    if (before === undefined) return entry.seq > 1 || entry.prev === ''
    return feedKey(entry) === feedKey(before) && entry.seq === before.seq + 1 && entry.prev === before.hash
  })
}

export function headOf({ node, incarnation, seq, hash }: Entry): FeedHead {
  return { node, incarnation, seq, hash }
}

export function storedOf({ entry, bytes }: Received): StoredEntry {
  return { ...headOf(entry), bytes }
}

export function refused(why: string): Admission {
  return { kind: 'refused', why }
}

/** What gossipsub is to do with an entry: a wrong one costs its sender, one that we cannot place yet does not. */
export function verdictOf(admission: Admission): Verdict {
  switch (admission.kind) {
    case 'accepted':
      return 'accept'
    case 'refused':
      return 'reject'
    case 'known':
    case 'gap':
    case 'not-a-member':
    case 'fork':
      return 'ignore'
  }
}
