import type { Job } from './job.ts'
import type { BuildEnvironment, Failure, FeedId, WheelRef } from './record.ts'
import type { NodeId, ProjectName, Sha256 } from './ids.ts'

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

/** What survives a power cut: the feeds. All entries of one call become visible together or not at all. */
export interface EntryStore {
  heads(): Promise<readonly FeedHead[]>
  /** `sync`: on disk before the promise resolves; own entries must be, before anybody hears of them. */
  append(entries: readonly StoredEntry[], options: { readonly sync: boolean }): Promise<void>
  /** Ascending by seq, from `fromSeq` on. */
  range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry>
  /** Every entry, feed by feed, ascending by seq within a feed. */
  all(): AsyncIterable<StoredEntry>
}

/** Bytes by their digest, on this node. */
export interface BlobStore {
  /** Size in bytes, undefined when this node does not hold it. */
  size(digest: Sha256): Promise<number | undefined>
  /** `end` is exclusive. Throws a BlobError BLOB_MISSING when not held. */
  read(digest: Sha256, range?: { readonly start?: number; readonly end?: number }): AsyncIterable<Uint8Array>
  /**
   * Stores a stream of bytes and tells their digest; visible only when complete. With `expected`, throws a BlobError
   * BLOB_MISMATCH and keeps nothing when the bytes are others.
   */
  write(
    source: AsyncIterable<Uint8Array>,
    options?: BlobWriteOptions
  ): Promise<{ readonly digest: Sha256; readonly size: number }>
  /** Opens a partial transfer: what came before a break is kept and re-hashed. */
  partial(digest: Sha256): Promise<PartialBlob>
  list(): AsyncIterable<{ readonly digest: Sha256; readonly size: number }>
  remove(digest: Sha256): Promise<void>
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

/** Brings a blob from wherever it is (this node, then peers), verified, and keeps it. */
export interface BlobSource {
  /** Size in bytes once held locally; throws a BlobError BLOB_UNAVAILABLE when nobody has it. */
  ensure(digest: Sha256, options?: AbortOptions & { readonly hint?: readonly NodeId[] }): Promise<number>
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
}

export type BuildPhase = 'fetch' | 'requirements' | 'build' | 'inspect' | 'store'

export interface BuildRequest {
  readonly job: Job
  /** Where upstream serves the sdist. */
  readonly sdistUrl: string
}

/** What one build came to, before it is signed. Exactly one of `wheel` and `failure` is there. */
export interface BuildReport {
  readonly wheel?: WheelRef
  readonly failure?: Failure
  /** Digest and size of the log, already in the blob store, gzip-compressed UTF-8 text. */
  readonly log: { readonly sha256: Sha256; readonly size: number }
  readonly durationMs: number
  readonly environment: BuildEnvironment
}

export interface WheelBuilder {
  /** Rejects only when aborted; every other ending is a report. */
  build(
    request: BuildRequest,
    options: { readonly signal: AbortSignal; onPhase(phase: BuildPhase): void }
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
