import type { NodeId } from '../core/ids.ts'
import { MAX_SYNC_FRAME_BYTES, MAX_SYNC_HEADS } from '../core/limits.ts'
import type { FeedHead, Log } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { areEqual, hexToBytes } from '../core/hex.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { MAX_SYNC_FEEDS, SYNC_IDLE_MS } from './gossip-limits.ts'
import { serveMembers, type ProtocolSpec } from './member-protocol.ts'
import { broke, brokenRule } from './sync-rules.ts'
import type { FeedPlaces, SyncHeads } from './sync-heads.ts'
import { encodeHeads, encodePage, readSyncQuestion, type HeadsQuestion } from './sync-messages.ts'
import { SyncPages } from './sync-pages.ts'
import type { SyncSource } from './sync-ports.ts'

export interface SyncServerParts {
  readonly host: MeshHost
  readonly source: SyncSource
  readonly index: SyncHeads
  readonly log: Log
  /** This member sent what no honest node can send. */
  readonly blame: (node: NodeId, rule: string) => void
}

/** Either side may spend a while writing a page to an SD card. */
export const SYNC: ProtocolSpec = {
  name: 'sync',
  frames: { maxFrameBytes: MAX_SYNC_FRAME_BYTES, timeoutMs: SYNC_IDLE_MS }
}

/**
 * Answers what members ask about feeds. `onDiffers` hears of a peer that asked and holds something else than we, so that
 * the difference is pulled from it, too. Spec: docs/protocol/sync.md
 */
export async function serveSync(parts: SyncServerParts, onDiffers: (from: NodeId) => void): Promise<void> {
  await serveMembers(parts, SYNC, async (stream, from) => {
    const session = new ServerSession(parts, stream)
    try {
      await session.run(() => {
        onDiffers(from)
      })
    } catch (error) {
      const rule = brokenRule(error)
      if (rule !== undefined) parts.blame(from, `sync: ${rule}`)
      throw error
    } finally {
      await session.close()
    }
  })
}

class ServerSession {
  readonly #source: SyncSource
  readonly #index: SyncHeads
  readonly #stream: FrameStream
  /** The range that was asked for last, as far as it is not told yet. */
  #pages: SyncPages | undefined
  #hasToldHeads = false

  constructor({ source, index }: SyncServerParts, stream: FrameStream) {
    this.#source = source
    this.#index = index
    this.#stream = stream
  }

  async run(onDiffers: () => void): Promise<void> {
    for (;;) {
      const frame = await this.#stream.read()
      // the client is done: its last frame is followed by the end of its side
      if (frame === null) return
      const question = readSyncQuestion(frame)
      switch (question.ask) {
        case 'heads':
          if (await this.#tellHeads(question)) onDiffers()
          break
        case 'range':
          await this.close()
          this.#pages = new SyncPages(this.#source, question.wants)
          await this.#tellPages(question.pages)
          break
        case 'more':
          this.#pages?.skip(question.skip)
          await this.#tellPages(1)
          break
        case 'proof':
          await this.#stream.write({ proof: await this.#source.proof(question.feed) })
          break
        case 'hashes':
          await this.#stream.write({ hashes: await this.#hashes(question.feed, question.at) })
      }
    }
  }

  async close(): Promise<void> {
    const pages = this.#pages
    this.#pages = undefined
    await pages?.close()
  }

  /** True when the asking side holds something else and should be asked in turn. */
  async #tellHeads({ digest, buckets, prompted }: HeadsQuestion): Promise<boolean> {
    if (this.#hasToldHeads) throw broke('asked for the heads twice')
    this.#hasToldHeads = true
    this.#index.refresh()
    if (areEqual(this.#index.digest(), digest)) {
      await this.#stream.write({ same: true })
      return false
    }
    for (const frame of framesOf(this.#index.differing(buckets))) await this.#stream.write(frame)
    return !prompted
  }

  /** The next page is read from the store while this one is on its way. */
  async #tellPages(count: number): Promise<void> {
    const pages = this.#pages
    // the last page crossed the question on its way
    if (pages === undefined) return
    let next = pages.next()
    for (let left = count; left > 0; left--) {
      const page = await next
      if (!page.more) this.#pages = undefined
      else if (left > 1) next = pages.next()
      // a failure of the store is met at the next await
      next.catch(() => undefined)
      await this.#stream.write(encodePage(page))
      if (!page.more) return
    }
  }

  async #hashes(feed: FeedId, at: readonly number[]): Promise<readonly (Uint8Array | null)[]> {
    const hashes: (Uint8Array | null)[] = []
    for (const seq of at) {
      let found: Uint8Array | null = null
      for await (const { hash } of this.#source.range(feed, seq, seq)) found = hexToBytes(hash)
      hashes.push(found)
    }
    return hashes
  }
}

function* framesOf({ heads, proofs }: FeedPlaces): Generator {
  // what is left out is asked for by the next pull: by then the feeds that were told are equal
  const told = Math.min(MAX_SYNC_FEEDS, Math.max(heads.length, proofs.length))
  for (let start = 0; start === 0 || start < told; start += MAX_SYNC_HEADS) {
    const end = Math.min(start + MAX_SYNC_HEADS, told)
    const slice = <P extends FeedHead | FeedId>(places: readonly P[]): readonly P[] =>
      places.slice(start, end)
    yield encodeHeads({ heads: slice(heads), proofs: slice(proofs), more: end < told })
  }
}
