/** JSON shapes of building a job again: beside verify-types.ts. */

/** Body of POST /api/v1/reproduce. */
export interface ReproduceRequest {
  /** `<project>==<version>@<target>` */
  readonly job: string
}

/** One line of the answer to POST /api/v1/reproduce; the last one is the report, or says why there is none. */
export type ReproduceEvent =
  | { readonly kind: 'progress'; readonly phase: string }
  | { readonly kind: 'report'; readonly report: ReproduceReportView }
  | { readonly kind: 'failed'; readonly reason: string; readonly log?: string }

/** A job that was built again, beside the result that the mesh has of it. */
export interface ReproduceReportView {
  readonly job: string
  readonly filename: string
  /** The same bytes. */
  readonly equal: boolean
  /** What they unpack to is the same, to the byte. */
  readonly equalContents: boolean
  readonly published: { readonly sha256: string; readonly normalized: string; readonly builder: string }
  readonly built: { readonly sha256: string; readonly normalized: string }
  /** What was not the same about the two builds: requirements, compiler, Python, system. */
  readonly surroundings: readonly DifferingFactView[]
  readonly members: readonly MemberDifferenceView[]
  /** Of all files, also of those that `members` has no room for. */
  readonly differing: number
  readonly archive: readonly string[]
  readonly durationMs: number
}

export interface DifferingFactView {
  readonly what: string
  readonly published: string
  readonly built: string
}

export interface MemberDifferenceView {
  readonly name: string
  readonly kind: 'only-published' | 'only-built' | 'mode' | 'content'
  readonly content?: {
    readonly sizes: readonly [number, number]
    readonly firstOffset: number
    readonly lines?: readonly string[]
    readonly sections?: readonly string[]
  }
}
