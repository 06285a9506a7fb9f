import type { Sha256 } from '../core/ids.ts'
import type { BlobStore, EnsureOptions } from '../core/ports.ts'
import type { WheelRef } from '../core/record.ts'
import type { FileSource, OpenedFile } from '../http/file-routes.ts'
import type { LogSource } from '../http/log-routes.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { SoundBlobs } from './sound-blobs.ts'

export interface PassingOptions extends EnsureOptions {
  readonly range?: { readonly start: number; readonly end: number }
}

/** Blobs as they pass: from this node, else through it from a holder. */
export interface PassingBlobs {
  ensure(digest: Sha256, options: EnsureOptions): Promise<number>
  streamThrough(digest: Sha256, options: PassingOptions): Promise<OpenedFile>
}

export interface FileSourceParts {
  readonly state: MeshState
  readonly store: BlobStore
  readonly sound: Pick<SoundBlobs, 'open' | 'part'>
  readonly blobs: PassingBlobs
}

/** Wheels and their METADATA, for results of members; nothing else of the blob store is served as a file. */
export function createFileSource({ state, sound, blobs }: FileSourceParts): FileSource {
  const { results } = state
  return {
    find(digest, filename) {
      if (results.retracted().has(digest)) return 'gone'
      return wheelsOf(state, digest).find((wheel) => wheel.filename === filename)
    },
    part: (digest, part) => sound.part(digest, part),
    async open(digest, range, { wheel = digest, buffers, ...options } = {}) {
      const held = await sound.open(digest, { ...range, buffers })
      if (held !== undefined) return held
      // of a wheel the record knows the pieces, so that it comes from several holders and is checked on the way
      const [about] = wheelsOf(state, digest)
      const hint = results.holdersOf(wheel)
      const fetching = { hint, ...(about === undefined ? {} : { about }), ...options }
      return blobs.streamThrough(digest, { ...fetching, ...(range && { range }) })
    }
  }
}

/** What members say of a file, those first who are trusted: one may lie about its name, or about its pieces. */
function wheelsOf({ results, membership }: MeshState, digest: Sha256): readonly WheelRef[] {
  const rank = { trusted: 0, member: 1, probation: 2 }
  return results
    .ofWheel(digest)
    .flatMap(({ author, record: { wheel } }) => {
      const level = membership.levelOf(author)
      return level === undefined || wheel === undefined ? [] : [{ wheel, rank: rank[level] }]
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ wheel }) => wheel)
}

/** Logs that results name. */
export function createLogSource({ state, store, sound, blobs }: FileSourceParts): LogSource {
  const { results } = state
  return {
    has: (digest) => results.isLog(digest),
    async open(digest, options = {}) {
      const held = await sound.open(digest)
      if (held !== undefined) return held
      const size = await blobs.ensure(digest, { hint: results.holdersOf(digest), ...options })
      return { size, chunks: store.read(digest) }
    }
  }
}
