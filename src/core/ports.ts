import type { Job } from './job.ts'
import type { BuildEnvironment, BuildLimits, Failure, FeedId, WheelRef } from './record.ts'
import type { NodeId, ProjectName, Sha256, TargetId } from './ids.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** What core, ledger and scheduler need of the world. Adapters implement these; node/create-node.ts joins them. */

export interface AbortOptions {
  readonly signal?: AbortSignal
}

/** Time as the program sees it. Only node/system-clock.ts reads the machine's. */
export interface Clock {
  /** Milliseconds on a clock that never jumps: for every duration and deadline. */
  monotonicMs(): number
  /** Milliseconds since 1970: for what people read, never for a decision between nodes. */
  wallMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, options?: AbortOptions): Promise<void>
}

export interface Random {
  /** Uniform in [0, 1). */
  float(): number
  bytes(length: number): Uint8Array
}

/** Makes text small and gives it back, both at once: who asks for what was packed cannot wait. */
export interface TextPacker {
  pack(text: string): string
  unpack(packed: string): string
}

/** A constant sentence and its facts. `error`: someone must act; `warn`: it may soon; `info`: a person would like to know. */
export interface Log {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
}

/** Whatever starts can stop; a failed start leaves nothing behind. */
export interface Startable {
  readonly name: string
  start(options?: AbortOptions): Promise<void>
  stop(): Promise<void>
}

/** Signs for this node, over a domain string that is not in the payload (libp2p RFC 2). */
export interface Signer {
  readonly nodeId: NodeId
  sign(domain: string, payload: Uint8Array): Uint8Array
}

export interface Verifier {
  /** `false` for a wrong signature and for a key that is none; never throws. */
  verify(node: NodeId, domain: string, payload: Uint8Array, signature: Uint8Array): boolean
}

export interface FeedHead extends FeedId {
  readonly seq: number
  readonly hash: Sha256
}

/** Envelope bytes of one entry and where they belong. */
export interface StoredEntry extends FeedId {
  readonly seq: number
  readonly hash: Sha256
  readonly bytes: Uint8Array
}

/** Where a feed is cut: its author signed two entries for this place. */
export interface ForkPlace extends FeedId {
  readonly seq: number
}

/** A feed to be cut, and why. */
export interface FeedCut {
  readonly place: ForkPlace
  /** Two envelopes, as they are handed on. */
  readonly proof: Uint8Array
  /** The last entry that stays, which lies before the place; undefined: none does. */
  readonly head: FeedHead | undefined
  /** What that changes in the stored views. */
  readonly rows?: readonly RowChange[]
}

/** What survives a power cut: the feeds. All entries of one call become visible together or not at all, and their rows with them. */
export interface EntryStore {
  heads(): Promise<readonly FeedHead[]>
  /**
   * `sync`: on disk before the promise resolves; own entries must be, before anybody hears of them. `rows`: what the entries change
   * in the stored views, in the same write.
   */
  append(entries: readonly StoredEntry[], options: AppendOptions): Promise<void>
  /** Resolves when the write that failed with `error` may be tried again; undefined when waiting does not cure it. */
  whenWritable?(error: unknown): Promise<void> | undefined
  /** Ascending by seq, from `fromSeq` on. */
  range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry>
  /** Every entry, feed by feed, ascending by seq within a feed. */
  all(): AsyncIterable<StoredEntry>
  /** Where feeds are cut, one place a feed. */
  forks(): Promise<readonly ForkPlace[]>
  /** The proof that is kept of a feed. */
  proof(feed: FeedId): Promise<Uint8Array | undefined>
  /**
   * Keeps a proof in place of an earlier one, and of its feed nothing beyond `head`: all of it or nothing, on disk before the promise
   * resolves. Not while entries of that feed are being appended.
   */
  cut(cut: FeedCut): Promise<void>
}

export interface AppendOptions {
  readonly sync: boolean
  readonly rows?: readonly RowChange[]
}

/** One row of a stored view. Keys are ASCII text; ledger/row-keys.ts lists them. */
export interface Row {
  readonly key: string
  readonly value: Uint8Array
}

export interface RowChange {
  readonly key: string
  /** Undefined: the row goes. */
  readonly value: Uint8Array | undefined
}

/** The stored views: what the entries mean, row by row, beside the entries. docs/adr/0010-views-stored-with-the-entries.md */
export interface RowStore {
  /** Synchronous, as the scheduler is: a row is small, and the database holds in memory what is read often. */
  get(key: string): Uint8Array | undefined
  /** Many at once, off this thread, in the order of the keys. */
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>
  /** Rows whose key begins with `prefix`, ascending by key; `after`: only what follows that key. */
  scan(prefix: string, after?: string): AsyncIterable<Row>
  /** All of it or nothing. For views that are made anew; what entries change comes with them, by {@link EntryStore.append}. */
  write(rows: readonly RowChange[]): Promise<void>
  clear(): Promise<void>
}

/** Bytes by their digest, on this node. */
export interface BlobStore {
  /** Size in bytes, undefined when this node does not hold it. */
  size(digest: Sha256): Promise<number | undefined>
  /** Throws a BlobError BLOB_MISSING when not held. */
  read(digest: Sha256, range?: BlobRange): AsyncIterable<Uint8Array>
  /**
   * Stores a stream of bytes and tells their digest; visible only when complete. With `expected`, throws a BlobError
   * BLOB_MISMATCH and keeps nothing when the bytes are others.
   */
  write(source: AsyncIterable<Uint8Array>, options?: BlobWriteOptions): Promise<WrittenBlob>
  /** Opens a partial transfer: what came before a break is kept and re-hashed. */
  partial(digest: Sha256): Promise<PartialBlob>
  list(): AsyncIterable<{ readonly digest: Sha256; readonly size: number }>
  remove(digest: Sha256): Promise<void>
}

export interface BlobRange {
  readonly start?: number
  /** Exclusive. */
  readonly end?: number
  /** Memory to read into, which the reader gives back; undefined: what comes is the reader's for ever. */
  readonly buffers?: ReadBuffers | undefined
}

/** What a store tells of a blob that it took. */
export interface WrittenBlob {
  readonly digest: Sha256
  readonly size: number
  /** As in a {@link WheelRef}. */
  readonly pieces?: Sha256
}

export interface BlobWriteOptions {
  readonly expected?: Sha256
  readonly maxBytes?: number
}

export interface PartialBlob {
  /** Bytes kept from an earlier try. */
  readonly offset: number
  append(chunk: Uint8Array): Promise<void>
  /** Checks the digest and makes the blob visible; throws BLOB_MISMATCH and drops the bytes otherwise. */
  commit(): Promise<number>
  /** Keeps what came for the next try. */
  suspend(): Promise<void>
}

/** A blob store that takes a blob in pieces, in any order. Spec: docs/protocol/blobs.md */
export interface PieceStore extends BlobStore {
  /** The SHA-256 digests of a held blob's pieces, 32 bytes each; undefined when it is not held. */
  pieceList(digest: Sha256): Promise<Uint8Array | undefined>
  /** Opens a transfer by pieces: those that were kept from an earlier try and are still right are there. */
  byPieces(digest: Sha256, plan: PiecePlan): Promise<PiecedBlob>
}

/** A blob store that gives a small part of a blob at once. */
export interface PartStore extends BlobStore {
  /** Undefined: it is not here, or it has another size than it should. */
  readPart(digest: Sha256, part: BlobPart): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** From `start` up to and without `end`. */
export interface BlobPart {
  readonly start: number
  readonly end: number
  /** Of the whole blob. */
  readonly size: number
  /** As in a {@link BlobRange}. */
  readonly buffers?: ReadBuffers | undefined
}

export interface PiecePlan {
  readonly size: number
  /** As many digests of 32 bytes as the size has pieces. */
  readonly list: Uint8Array
}

export interface PiecedBlob {
  readonly size: number
  has(index: number): boolean
  /** Checks a piece and keeps it; `false` when it is wrong. The bytes are the store's until this is settled. */
  put(index: number, bytes: Uint8Array): Promise<boolean>
  /** Where the checked bytes end that are here without a gap from `start` on; `start` itself when there are none. */
  checkedUntil(start: number): number
  /** Some of the checked bytes from `start` on, not beyond `end`; undefined once the transfer is over. */
  read(start: number, end: number): Promise<Uint8Array | undefined>
  /** Checks the whole and makes the blob visible; throws BLOB_MISMATCH and drops everything otherwise. */
  commit(): Promise<number>
  /** Keeps what came for the next try. */
  suspend(): Promise<void>
}

/** What a record says of a blob. A hint: only the digest is believed. */
export interface BlobFacts {
  readonly size: number
  readonly pieces?: Sha256
}

/** Brings a blob from wherever it is (this node, then peers), verified, and keeps it. */
export interface BlobSource {
  /** Size in bytes once held locally; throws a BlobError BLOB_UNAVAILABLE when nobody has it. */
  ensure(digest: Sha256, options?: EnsureOptions): Promise<number>
}

export interface EnsureOptions extends AbortOptions {
  /** Nodes that are said to hold it: asked first. */
  readonly hint?: readonly NodeId[]
  /** What a record says of it, a WheelRef for one: a large blob then comes in pieces, from several holders at once. */
  readonly about?: BlobFacts
}

/** One project page of the index that we follow, as PEP 691 JSON with absolute URLs. */
export interface UpstreamPage {
  readonly serial: number
  readonly etag: string
  /** Canonical bytes: see upstream/. */
  readonly body: Uint8Array
}

export type UpstreamAnswer =
  | { readonly kind: 'page'; readonly page: UpstreamPage }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'missing' }

export interface UpstreamIndex {
  /** Throws an UpstreamError (code UPSTREAM_UNAVAILABLE) when no answer could be had. */
  project(name: ProjectName, options?: AbortOptions & { readonly etag?: string }): Promise<UpstreamAnswer>
  /** The bytes behind a URL of a page; at most `maxBytes`, else an UpstreamError (UPSTREAM_TOO_LARGE). */
  download(url: string, options: AbortOptions & { readonly maxBytes: number }): AsyncIterable<Uint8Array>
  /** Where it tells of more than one project at once. */
  readonly news?: UpstreamNews
}

/** What an index says about all its projects. Both throw an UpstreamError, as {@link UpstreamIndex} does. */
export interface UpstreamNews {
  /** All projects with their serials (0 without one), one by one as they come: the list is not held in memory. */
  projects(
    options: AbortOptions & {
      readonly etag?: string
      readonly onProject: (name: ProjectName, serial: number) => void
    }
  ): Promise<ProjectsAnswer>
  /** The newest releases of all projects. */
  updates(options?: AbortOptions & { readonly etag?: string }): Promise<UpdatesAnswer>
}

export type ProjectsAnswer =
  | { readonly kind: 'listed'; readonly etag: string; readonly projects: number; readonly serials: boolean }
  | { readonly kind: 'not-modified' }

export type UpdatesAnswer =
  | { readonly kind: 'updates'; readonly etag: string; readonly updates: readonly UpstreamUpdate[] }
  | { readonly kind: 'not-modified' }
  /** This index has no feed. */
  | { readonly kind: 'missing' }

/** One release of the feed; `id` tells it from every other. */
export interface UpstreamUpdate {
  readonly project: ProjectName
  readonly id: string
}

/** What the node that follows upstream answers a member that needs a page. Ages in milliseconds: since upstream said so. */
export type ObserverAnswer =
  /** The newest observation is the record of this id. */
  | { readonly kind: 'observed'; readonly record: string; readonly ageMs: number }
  | { readonly kind: 'missing'; readonly ageMs: number }
  /** Upstream gave no answer, or was not asked. */
  | { readonly kind: 'trouble'; readonly reason: string }
  /** It does not follow upstream at the moment. */
  | { readonly kind: 'elsewhere' }

export type BuildPhase = 'fetch' | 'requirements' | 'build' | 'inspect' | 'store'

export interface BuildRequest {
  readonly job: Job
  /** Where upstream serves the sdist. */
  readonly sdistUrl: string
  /** Build requirements of an earlier build of this job, as `environment.requirements` has them; used when they can still be had. */
  readonly pins?: readonly string[]
}

/** What one build came to, before it is signed. Exactly one of `wheel` and `failure` is there. */
export interface RetaggedWheel {
  readonly target: TargetId
  readonly wheel: WheelRef
}

export interface BuildReport {
  readonly wheel?: WheelRef
  /** The same wheel under the tags of another target, which runs its code as well. */
  readonly retagged?: RetaggedWheel
  readonly failure?: Failure
  /** Digest and size of the log, already in the blob store, gzip-compressed UTF-8 text. */
  readonly log: { readonly sha256: Sha256; readonly size: number }
  readonly durationMs: number
  readonly environment: BuildEnvironment
  /** Under which it ran; unless given, under those of the node. */
  readonly limits?: BuildLimits
}

export interface WheelBuilder {
  /** Rejects only when aborted; every other ending is a report. */
  build(
    request: BuildRequest,
    options: {
      readonly signal: AbortSignal
      onPhase(phase: BuildPhase): void
      /** What it is built with, as the report's environment will have it; told again when that changes. */
      onRequirements?(lines: readonly string[]): void
    }
  ): Promise<BuildReport>
}

/** Sends coordination messages. Lossy on purpose: no answer, no error; the protocol above it retries. */
export interface Messenger {
  send(to: NodeId, message: Uint8Array): void
  onMessage(handler: (from: NodeId, message: Uint8Array) => void): void
}

export type Verdict = 'accept' | 'ignore' | 'reject'

export type Topic = 'entries' | 'coordination'

/** Spreads signed bytes to everybody, perhaps losing some. */
export interface GossipBus {
  /** Resolves when handed to the network, with the number of peers it went to. */
  publish(topic: Topic, bytes: Uint8Array): Promise<number>
  /** `judge` runs once per message, before it is passed on: reject lowers the sender's standing. */
  subscribe(topic: Topic, judge: (bytes: Uint8Array, from: NodeId) => Verdict | Promise<Verdict>): void
}
