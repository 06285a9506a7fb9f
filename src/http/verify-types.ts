/** JSON shapes of what the owner asks about the data folder: beside api-types.ts. */

/** Body of POST /api/v1/verify. */
export interface VerifyRequest {
  /** Take what is broken out and get it again. */
  readonly repair: boolean
}

/** Body of POST /api/v1/entries. */
export interface EntriesRequest {
  /** Of all feeds; otherwise of the node's own. */
  readonly all: boolean
}

export type VerifyStepView = 'tables' | 'feeds' | 'blobs'

/** One line of the answer to POST /api/v1/verify; the last one is the report, or says why there is none. */
export type VerifyEvent =
  | { readonly kind: 'progress'; readonly progress: VerifyProgressView }
  | { readonly kind: 'report'; readonly report: VerifyReportView }
  | { readonly kind: 'failed'; readonly reason: string }

export interface VerifyProgressView {
  readonly step: VerifyStepView
  /** Tables and blobs in bytes, feeds in entries. */
  readonly done: number
  readonly total: number
}

/** What is on the disk, read whole and compared with its digests and signatures. */
export interface VerifyReportView {
  readonly ok: boolean
  readonly tables: {
    readonly checked: number
    readonly bad: readonly { readonly file: string; readonly problem: string }[]
  }
  readonly feeds: {
    readonly checked: number
    readonly entries: number
    readonly bad: readonly { readonly feed: string; readonly seq: number; readonly problem: string }[]
  }
  readonly blobs: {
    readonly checked: number
    readonly bytes: number
    readonly bad: readonly BadBlobView[]
  }
  /** What becomes of a broken ledger, when something was to be done about it. */
  readonly ledger?: 'repaired' | 'repairing'
}

export interface BadBlobView {
  readonly sha256: string
  /** `kept`: only told; `moved-away`: nobody is served from it; `fetched-again`: a sound copy is there. */
  readonly done: 'kept' | 'moved-away' | 'fetched-again'
}
