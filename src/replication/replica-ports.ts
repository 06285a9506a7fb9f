import type { Keeper } from '../core/placement.ts'
import type { NodeId, ProjectName, Sha256, TargetId } from '../core/ids.ts'
import type { AbortOptions } from '../core/ports.ts'

/** One blob that the mesh keeps. */
export interface KeptBlob {
  readonly digest: Sha256
  readonly size: number
  /** As in a WheelRef. */
  readonly pieces?: Sha256
  /** By which its holders are chosen: the wheel's digest for its metadata, else its own. */
  readonly key: Sha256
  readonly kind: 'wheel' | 'metadata' | 'log' | 'page'
  readonly project: ProjectName
  /** Absent for a page. */
  readonly target?: TargetId
  /** Who signed that it exists: likely holders. */
  readonly authors: readonly NodeId[]
}

/** The blobs that the mesh keeps, as the ledger tells it. */
export interface KeptBlobs {
  /** All of them, in slices that are read when they are asked for. What comes meanwhile may be missing. */
  slices(blobs: number): AsyncIterable<readonly KeptBlob[]>
  /** Undefined: the mesh does not keep it, or it is METADATA, which is found by its wheel. */
  find(digest: Sha256): KeptBlob | undefined
}

/** Bytes at a place that the holder cannot foresee. */
export interface BlobSample {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** `silent`: it could not be asked. */
export type Holding = 'held' | 'missing' | 'silent'

/** The other members, as far as copies go. */
export interface ReplicaPeers {
  /** Members that may hold copies, this one among them: present, or away for a short time only. */
  keepers(): readonly Keeper[]
  isPresent(node: NodeId): boolean
  /** Members of the mesh, present or not. */
  members(): number
  /** Asks one of them now. With a sample it holds the blob only if it shows these very bytes. */
  ask(
    node: NodeId,
    digest: Sha256,
    options: AbortOptions & { readonly sample?: BlobSample }
  ): Promise<Holding>
}

/** What the mesh's records say of wheels whose bytes are gone. */
export interface LostBook {
  isLost(file: Sha256): boolean
  all(): Iterable<Sha256>
  /** Resolves when the record is on this node's disk. */
  say(kind: 'lost' | 'found', file: Sha256): Promise<void>
}

/** The file system that the blobs lie on. */
export interface DiskSpace {
  /** Bytes that this node could still write. */
  freeBytes(): Promise<number>
}
