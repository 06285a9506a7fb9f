import type { Sha256 } from '../core/ids.ts'
import type { BlobStore, EnsureOptions } from '../core/ports.ts'
import type { FileSource, OpenedFile } from '../http/file-routes.ts'
import type { LogSource } from '../http/log-routes.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { SoundBlobs } from './sound-blobs.ts'

/** Blobs as they pass: from this node, else through it from a holder. */
export interface PassingBlobs {
  ensure(digest: Sha256, options: EnsureOptions): Promise<number>
  streamThrough(digest: Sha256, options: EnsureOptions): Promise<OpenedFile>
}

export interface FileSourceParts {
  readonly state: MeshState
  readonly store: BlobStore
  readonly sound: Pick<SoundBlobs, 'open'>
  readonly blobs: PassingBlobs
}

/** Wheels and their METADATA, for results of members; nothing else of the blob store is served as a file. */
export function createFileSource({ state, store, sound, blobs }: FileSourceParts): FileSource {
  const { results, membership } = state
  return {
    find(digest) {
      if (results.retracted().has(digest)) return 'gone'
      return results.ofWheel(digest).find(({ author }) => membership.levelOf(author) !== undefined)?.record
        .wheel
    },
    async open(digest, range, { wheel = digest, ...options } = {}) {
      const held = await sound.open(digest, range)
      if (held !== undefined) return held
      // of a wheel the record knows the pieces, so that it comes from several holders and is checked on the way
      const about = results.ofWheel(digest)[0]?.record.wheel
      const hint = results.holdersOf(wheel)
      const fetching = { hint, ...(about === undefined ? {} : { about }), ...options }
      if (range === undefined) return blobs.streamThrough(digest, fetching)
      return { size: await blobs.ensure(digest, fetching), chunks: store.read(digest, range) }
    }
  }
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
