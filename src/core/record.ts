import type { Fence } from './fence.ts'
import type { SdistRef } from './job.ts'
import type { JobId, MeshId, NodeId, ProjectName, Sha256, TargetId } from './ids.ts'

/** What a node may do in the mesh; each can be switched on and off. */
export type Role = 'build' | 'index' | 'mirror' | 'keeper'
export const ROLES: readonly Role[] = ['build', 'index', 'mirror', 'keeper']

/** How far results of a member count towards publication. */
export type TrustLevel = 'probation' | 'member' | 'trusted'
export const TRUST_LEVELS: readonly TrustLevel[] = ['probation', 'member', 'trusted']

/** The founding document. Its bytes name the mesh; it is also the first record of the founder's feed. */
export interface GenesisRecord {
  readonly kind: 'genesis'
  readonly name: string
  /** Nodes that are members and keepers from the start. */
  readonly roots: readonly NodeId[]
  readonly policy: MeshPolicy
  readonly createdMs: number
  /** Random, so that two meshes of one name never share an id. */
  readonly nonce: string
}

/** The numbers all nodes of a mesh must share, because verdicts are computed from them. */
export interface MeshPolicy {
  /** Independent equal results needed when no trusted builder vouches. */
  readonly publishQuorum: number
  /** Holders of each published blob. */
  readonly replication: number
  /** Level that a newcomer's admission gives when its ticket says nothing. */
  readonly defaultLevel: TrustLevel
}

/**
 * A member vouches that it saw a newcomer's valid join proof in time: `terms` signed by an inviter, and
 * the newcomer's id signed with the invite key that the terms name. docs/protocol/membership.md
 */
export interface AdmitRecord {
  readonly kind: 'admit'
  readonly subject: NodeId
  readonly proof: JoinProof
}

export interface JoinProof {
  /** CBOR of {@link InviteTerms}, as signed. */
  readonly terms: Uint8Array
  readonly issuer: NodeId
  readonly issuerSignature: Uint8Array
  readonly subjectSignature: Uint8Array
}

export interface InviteTerms {
  readonly meshId: MeshId
  /** Raw Ed25519 public key, 32 bytes. */
  readonly inviteKey: Uint8Array
  readonly uses: number
  readonly expiresMs: number
  readonly roles: readonly Role[]
  readonly level: TrustLevel
}

/** A node about itself. Of several the latest said counts. */
export interface NodeRecord {
  readonly kind: 'node'
  /** By its own clock, and later than what it said before. */
  readonly saidMs: number
  readonly label: string
  readonly contact: string
  readonly roles: readonly Role[]
  readonly targets: readonly TargetId[]
  readonly hardware: Hardware
  /** Version of this program. */
  readonly software: string
  /** Multiaddrs at which the node listens, without its peer id. */
  readonly addresses: readonly string[]
  /** Why a node with the `build` role does not build, if so. */
  readonly buildRefusal?: string
  /** What it offers to one build; a node that does not say is not asked for more than others had. */
  readonly limits?: BuildLimits
  /** Development packages of the system that builds find here: what a `missing-dependency` may wait for. */
  readonly packages?: readonly string[]
}

/** What one build may use: of memory, of disk, of time. */
export interface BuildLimits {
  readonly memoryBytes: number
  readonly diskBytes: number
  readonly wallMs: number
}

export interface Hardware {
  readonly arch: string
  readonly cores: number
  readonly memoryBytes: number
  /** Board or machine model when known. */
  readonly model: string
}

export interface ProjectSpec {
  readonly project: ProjectName
  /** PEP 440 specifier set, `''` for the newest release. */
  readonly specifier: string
}

export interface WantRecord {
  readonly kind: 'want'
  readonly specs: readonly ProjectSpec[]
  /** Empty: every target that the mesh builds for. */
  readonly targets: readonly TargetId[]
  readonly priority: WantPriority
  readonly batch: boolean
  readonly atomic: boolean
  readonly createdMs: number
}

export type WantPriority = 'request' | 'release' | 'popular' | 'backlog'
export const WANT_PRIORITIES: readonly WantPriority[] = ['request', 'release', 'popular', 'backlog']

export interface UnwantRecord {
  readonly kind: 'unwant'
  readonly projects: readonly ProjectName[]
  /** Undoes the wants created before it. */
  readonly createdMs: number
}

/** Never build this (an empty version: the whole project), until an `unskip`. */
export interface SkipRecord {
  readonly kind: 'skip' | 'unskip'
  readonly project: ProjectName
  readonly version: string
  readonly reason: string
  /** Of two about the same release the later one counts. */
  readonly createdMs: number
}

/** An upstream project page as somebody fetched it. Releases are read from the blob, so that all judge by the same bytes. */
export interface ObservedRecord {
  readonly kind: 'observed'
  readonly project: ProjectName
  /** Upstream's serial; 0 where upstream has none. */
  readonly serial: number
  /** PEP 691 JSON with absolute URLs (upstream/ makes it, whatever upstream speaks); undefined: upstream has no such project. */
  readonly page?: Sha256
  readonly pageSize: number
  readonly observedMs: number
  /** By which upstream tells whether the page changed: the next observer asks with it. */
  readonly etag?: string
}

export interface WheelRef {
  readonly filename: string
  readonly sha256: Sha256
  readonly size: number
  /** Of a wheel larger than one piece: SHA-256 over the list of SHA-256 digests of its pieces (core/blob-pieces.ts). */
  readonly pieces?: Sha256
  /** The METADATA member of this very wheel, a blob of its own (PEP 658). */
  readonly metadata: Sha256
  readonly metadataSize: number
  /** `Requires-Python` of METADATA, `''` when it has none. */
  readonly requiresPython: string
  /** Debian packages with the system libraries that the wheel links to. */
  readonly aptPackages: readonly string[]
  /** Lowest glibc that its symbols need, `''` without compiled code. */
  readonly glibcFloor: string
  /** Of what it unpacks to, whatever its archive is like: equal for two builds that differ in times or compression only. docs/building.md */
  readonly normalized?: Sha256
  /** What came of importing it where it was built. */
  readonly smoke?: SmokeTest
  /** Why it may not be what a user of its release expects: a silent fall-back to less. */
  readonly suspicious?: string
}

/** `unknown`: nothing to import, or the import lacks what the test does not have (a dependency, a display). */
export type SmokeOutcome = 'ok' | 'failed' | 'unknown'
export const SMOKE_OUTCOMES: readonly SmokeOutcome[] = ['ok', 'failed', 'unknown']

/** The import of a wheel's top-level modules, in the sandbox, without its dependencies. */
export interface SmokeTest {
  readonly outcome: SmokeOutcome
  /** How many modules were tried. */
  readonly modules: number
  /** One line about the worst of them; `''` when all is well. */
  readonly reason: string
}

export type FailureClass = 'package' | 'missing-dependency' | 'resource' | 'transient' | 'infra'
export const FAILURE_CLASSES: readonly FailureClass[] = [
  'package',
  'missing-dependency',
  'resource',
  'transient',
  'infra'
]

export interface Failure {
  readonly class: FailureClass
  /** Stable code of the cause: `compile-error`, `timeout`, `out-of-memory`, `sdist-digest-mismatch`, … */
  readonly cause: string
  /** One line for people: what was wrong, and what cures it when known. */
  readonly reason: string
  /** Of a `missing-dependency`: the system package that has what was missing, when known. */
  readonly missing?: string
}

/** The signed outcome of one build. Exactly one of `wheel` and `failure` is there. */
export interface ResultRecord {
  readonly kind: 'result'
  readonly job: JobId
  readonly sdist: SdistRef
  readonly fence: Fence
  readonly wheel?: WheelRef
  readonly failure?: Failure
  readonly log: BlobRef
  readonly startedMs: number
  readonly durationMs: number
  readonly environment: BuildEnvironment
  /** Under which limits a failed build ran: a `resource` failure is tried again where there is more. */
  readonly limits?: BuildLimits
  /** Of a batch that builds its failures again: which time this is. Absent: the first. */
  readonly pass?: number
  /** Nothing was built for `job`: its wheel is that of this other job of the release, with other tags. */
  readonly builtAs?: JobId
}

export interface BlobRef {
  readonly sha256: Sha256
  readonly size: number
}

/** What must be equal for two results to be evidence for or against each other. */
export interface BuildEnvironment {
  /** SHA-256 over the rest and the digests of the build requirements. */
  readonly digest: Sha256
  readonly python: string
  readonly compiler: string
  readonly os: string
  /** 3: bubblewrap, seccomp, memory cgroup; 2: bubblewrap and rlimits; 0: none. */
  readonly sandboxLevel: number
  readonly requirements: readonly string[]
  /** Hosts (`name:port`) that the build reached through the node's proxy; absent: it had no network. */
  readonly network?: readonly string[]
}

export interface RetractRecord {
  readonly kind: 'retract'
  readonly file: Sha256
  readonly reason: string
}

/**
 * `lost`: no member that could be asked has the bytes of a published wheel any more. `found`: its author has them. Of several about
 * one file the latest said counts. docs/protocol/publishing.md#lost-wheels
 */
export interface LostRecord {
  readonly kind: 'lost' | 'found'
  readonly file: Sha256
  /** By its author's clock, and later than what was said of the file before. */
  readonly createdMs: number
}

/** An independent rebuild agrees with a published wheel, or not. */
export interface AttestRecord {
  readonly kind: 'attest'
  readonly job: JobId
  readonly file: Sha256
  readonly agrees: boolean
}

/** Ends a membership: by a root for anybody, by a node for itself (it leaves). */
export interface RevokeRecord {
  readonly kind: 'revoke'
  readonly subject: NodeId
  readonly reason: string
}

/** A node's statement of all heads it holds, for later pruning. */
export interface CheckpointRecord {
  readonly kind: 'checkpoint'
  readonly root: Sha256
  readonly count: number
}

/** A kind from a newer version: kept and passed on, not judged. */
export interface UnknownRecord {
  readonly kind: 'unknown'
  readonly name: string
}

export type MeshRecord =
  | GenesisRecord
  | AdmitRecord
  | NodeRecord
  | WantRecord
  | UnwantRecord
  | SkipRecord
  | ObservedRecord
  | ResultRecord
  | RetractRecord
  | LostRecord
  | AttestRecord
  | RevokeRecord
  | CheckpointRecord
  | UnknownRecord

/** A feed: everything one node wrote in one incarnation. */
export interface FeedId {
  readonly node: NodeId
  /** 16 hex digits, random per database: a node that lost its records writes a new feed. */
  readonly incarnation: string
}

/** One signed batch of records, decoded. `hash` is the SHA-256 of the envelope bytes as received. */
export interface Entry extends FeedId {
  readonly meshId: MeshId
  /** From 1. */
  readonly seq: number
  /** Hash of the entry before, `''` for the first. */
  readonly prev: Sha256 | ''
  readonly records: readonly MeshRecord[]
  readonly hash: Sha256
}

/** Where one record stands: unique in the mesh, the same on every node. */
export function recordId(entry: Sha256, index: number): string {
  return `${entry}:${index}`
}
