import type { FeedWant } from '../core/feed-heads.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_SYNC_FRAME_BYTES, MAX_SYNC_HEADS } from '../core/limits.ts'
import type { Log } from '../core/ports.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { SYNC_IDLE_MS } from './gossip-limits.ts'
import { serveMembers, type ProtocolSpec } from './member-protocol.ts'
import {
  digestOfHeads,
  readSyncQuestion,
  type SyncPart,
  type SyncQuestion,
  type SyncRange
} from './sync-messages.ts'
import type { SyncSource } from './sync-ports.ts'

export interface SyncServerParts {
  readonly host: MeshHost
  readonly source: SyncSource
  readonly log: Log
}

/** Either side may spend a while writing a page to an SD card. */
export const SYNC: ProtocolSpec = {
  name: 'sync',
  frames: { maxFrameBytes: MAX_SYNC_FRAME_BYTES, timeoutMs: SYNC_IDLE_MS }
}

/** What a part costs in its frame besides its entries, and one entry besides its bytes. */
const PART_OVERHEAD_BYTES = 160
const ENTRY_OVERHEAD_BYTES = 5
const FRAME_OVERHEAD_BYTES = 64

/**
 * Answers what members ask about feeds; holds nothing between two questions. `onDiffers` hears of a peer that asked and
 * holds something else than we, so that the difference is pulled from it, too. Spec: docs/protocol/sync.md
 */
export async function serveSync(parts: SyncServerParts, onDiffers: (from: NodeId) => void): Promise<void> {
  await serveMembers(parts, SYNC, async (stream, from) => {
    for (;;) {
      const question = await nextQuestion(stream)
      if (question === undefined) return
      if (question.ask === 'range') await stream.write(await collect(parts.source, question.wants))
      else if (await tellHeads(parts.source, stream, question)) onDiffers(from)
    }
  })
}

/** Undefined when the client is done: its last frame is followed by the end of its side. */
async function nextQuestion(stream: FrameStream): Promise<SyncQuestion | undefined> {
  const question = await stream.read()
  return question === null ? undefined : readSyncQuestion(question)
}

/** True when the asking side holds something else and should be asked in turn. */
async function tellHeads(
  source: SyncSource,
  stream: FrameStream,
  { digest, prompted }: SyncQuestion & { readonly ask: 'heads' }
): Promise<boolean> {
  // only what a head is: a ledger may hand out its entries
  const heads = source.heads().map(({ node, incarnation, seq, hash }) => ({ node, incarnation, seq, hash }))
  if (digestOfHeads(heads) === digest) {
    await stream.write({ same: true })
    return false
  }
  for (let start = 0; start === 0 || start < heads.length; start += MAX_SYNC_HEADS) {
    const more = start + MAX_SYNC_HEADS < heads.length
    await stream.write({ heads: heads.slice(start, start + MAX_SYNC_HEADS), more })
  }
  return !prompted
}

/** As many of the wanted entries as fit into one frame, in the order of the wants. */
async function collect(source: SyncSource, wants: readonly FeedWant[]): Promise<SyncRange> {
  const parts: SyncPart[] = []
  let room = MAX_SYNC_FRAME_BYTES - FRAME_OVERHEAD_BYTES
  for (const { node, incarnation, from } of wants) {
    const entries: Uint8Array[] = []
    room -= PART_OVERHEAD_BYTES
    for await (const entry of source.range({ node, incarnation }, from)) {
      room -= entry.bytes.byteLength + ENTRY_OVERHEAD_BYTES
      if (room < 0) break
      entries.push(entry.bytes)
    }
    if (entries.length > 0) parts.push({ node, incarnation, from, entries })
    if (room < 0) return { parts, more: true }
  }
  return { parts, more: false }
}
