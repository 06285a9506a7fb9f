import type { NodeId, Sha256 } from '../core/ids.ts'
import type { BlobStore } from '../core/ports.ts'
import type { FileSource, OpenedFile } from '../http/file-routes.ts'
import type { LogSource } from '../http/log-routes.ts'
import type { MeshState } from '../ledger/mesh-state.ts'

/** Blobs as they pass: from this node, else through it from a holder. */
export interface PassingBlobs {
  ensure(
    digest: Sha256,
    options: { readonly hint: readonly NodeId[]; readonly signal?: AbortSignal }
  ): Promise<number>
  streamThrough(
    digest: Sha256,
    options: { readonly hint: readonly NodeId[]; readonly signal?: AbortSignal }
  ): Promise<OpenedFile>
}

export interface FileSourceParts {
  readonly state: MeshState
  readonly store: BlobStore
  readonly blobs: PassingBlobs
}

/** Wheels and their METADATA, for results of members; nothing else of the blob store is served as a file. */
export function createFileSource({ state, store, blobs }: FileSourceParts): FileSource {
  const { results, membership } = state
  return {
    find(digest) {
      if (results.retracted().has(digest)) return 'gone'
      return results.ofWheel(digest).find(({ author }) => membership.levelOf(author) !== undefined)?.record
        .wheel
    },
    async open(digest, range, options = {}) {
      const size = await store.size(digest)
      if (size !== undefined) return { size, chunks: store.read(digest, range) }
      const fetching = { hint: results.holdersOf(digest), ...options }
      if (range === undefined) return blobs.streamThrough(digest, fetching)
      return { size: await blobs.ensure(digest, fetching), chunks: store.read(digest, range) }
    }
  }
}

/** Logs that results name. */
export function createLogSource({ state, store, blobs }: FileSourceParts): LogSource {
  const { results } = state
  return {
    has: (digest) => results.isLog(digest),
    async open(digest, options = {}) {
      const size = await blobs.ensure(digest, { hint: results.holdersOf(digest), ...options })
      return { size, chunks: store.read(digest) }
    }
  }
}
