import type { NodeId, ProjectName, Sha256 } from '../core/ids.ts'

/** A release that a record is about. */
export interface TouchedRelease {
  readonly project: ProjectName
  readonly version: string
}

/**
 * Grows when the rows below change, or what they mean: rows of another version are dropped, and made again from the entries.
 */
export const VIEW_VERSION = 1

/** Version, and how many entries the rows were made of: written with every one of them. */
export const VERSION_KEY = 'v'

/** Which rows there are. A key is one of these letters and what follows it; parts are separated by a space. */
export const ROW = {
  /** Project, version → its results, by the time that they were finished. */
  release: 'r',
  /** Project → versions that have results. */
  project: 'p',
  /** First half of a digest → releases with a result whose wheel or log may be that blob. */
  blob: 'b',
  /** Time, newest first, and record id → release: the newest results only. */
  newest: 'n',
  /** Node → how many results it signed. */
  author: 'a',
  /** Node → the last that it said of itself. */
  node: 'd',
  /** Project, node → the newest page of the project that the node observed. */
  observed: 'o',
  /** Record id → a record of which the node holds all in memory: members, wants, skips, retractions. */
  fact: 'f'
} as const

const SEPARATOR = ' '
const [BLOB_CODE, RELEASE_CODE, PROJECT_CODE] = [ROW.blob, ROW.release, ROW.project].map((letter) =>
  letter.charCodeAt(0)
)

const DIGEST_CHARS = 32

export function releaseKey(project: ProjectName, version: string): string {
  return `${ROW.release}${project}${SEPARATOR}${version}`
}

export function projectKey(project: ProjectName): string {
  return ROW.project + project
}

/** Whether {@link projectKey} made it. */
export function isProjectRow(key: string): boolean {
  return key.charCodeAt(0) === PROJECT_CODE
}

/** Whether it is one of the rows of a single result, of which there are as many as results. */
export function isResultRow(key: string): boolean {
  const code = key.charCodeAt(0)
  return code === BLOB_CODE || code === RELEASE_CODE || code === PROJECT_CODE
}

/** Two blobs may share it: what it leads to is looked at. */
export function blobKey(digest: Sha256): string {
  return ROW.blob + digest.slice(0, DIGEST_CHARS)
}

/** Enough hex digits for the largest safe integer. */
const TIME_CHARS = 14

export function newestKey(finishedMs: number, recordId: string): string {
  const left = Number.MAX_SAFE_INTEGER - Math.min(finishedMs, Number.MAX_SAFE_INTEGER)
  return `${ROW.newest}${left.toString(16).padStart(TIME_CHARS, '0')}${SEPARATOR}${recordId}`
}

export function parseNewestKey(key: string): { readonly finishedMs: number; readonly recordId: string } {
  const left = Number.parseInt(key.slice(1, 1 + TIME_CHARS), 16)
  return { finishedMs: Number.MAX_SAFE_INTEGER - left, recordId: key.slice(2 + TIME_CHARS) }
}

export function observedKey(project: ProjectName, author: NodeId): string {
  return `${ROW.observed}${project}${SEPARATOR}${author}`
}

/** A release as a row names it. */
export function releaseText({ project, version }: TouchedRelease): string {
  return `${project}${SEPARATOR}${version}`
}

export function releaseOf(text: string): TouchedRelease {
  const at = text.indexOf(SEPARATOR)
  return { project: text.slice(0, at) as ProjectName, version: text.slice(at + 1) }
}
