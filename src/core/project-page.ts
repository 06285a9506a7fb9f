import type { ProjectName, Sha256 } from './ids.ts'

/** One project of an index, as PEP 691 JSON gives it (api-version 1.0 to 1.4). */
export interface ProjectPage {
  readonly name: ProjectName
  readonly files: readonly PageFile[]
  /** PEP 700; empty where the index does not say. */
  readonly versions: readonly string[]
  /** PEP 792: `active`, `archived`, `quarantined`, `deprecated`. */
  readonly status: string
  /** Every other top-level key as it came (`meta` too), to be passed through. */
  readonly rest: Readonly<Record<string, unknown>>
}

export interface PageFile {
  readonly filename: string
  /** Absolute. */
  readonly url: string
  readonly sha256?: Sha256
  readonly size?: number
  readonly requiresPython?: string
  /** PEP 592: false, true, or the reason. */
  readonly yanked: boolean | string
  /** ISO 8601 (PEP 700). */
  readonly uploadTime?: string
  /** The file's own JSON object as it came: what is served again, unknown keys and all. */
  readonly raw: Readonly<Record<string, unknown>>
}
