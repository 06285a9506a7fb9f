import type { JobId, ProjectName, Sha256, TargetId } from './ids.ts'
import { parseProjectName } from './distribution.ts'
import { isTargetId } from './target.ts'

/** A source archive, as an observed upstream page names it. */
export interface SdistRef {
  readonly filename: string
  readonly sha256: Sha256
  /** Bytes, when upstream says so. */
  readonly size?: number
}

/** One release for one target. */
export interface Job {
  readonly project: ProjectName
  /** As normalised by PEP 440. */
  readonly version: string
  readonly target: TargetId
  readonly sdist: SdistRef
}

const VERSION_TEXT = /^[0-9a-z][0-9a-z.!+]{0,199}$/

export function jobId(project: ProjectName, version: string, target: TargetId): JobId {
  return `${project}==${version}@${target}` as JobId
}

/** The parts of a job id; throws a TypeError on anything else. */
export function parseJobId(text: unknown): { project: ProjectName; version: string; target: TargetId } {
  const match = typeof text === 'string' ? /^([^=@]+)==([^@]+)@(.+)$/.exec(text) : null
  const [, project, version, target] = match ?? []
  if (version === undefined || !VERSION_TEXT.test(version) || !isTargetId(target)) {
    throw new TypeError(`not a job id: ${typeof text === 'string' ? text.slice(0, 200) : typeof text}`)
  }
  return { project: parseProjectName(project), version, target }
}

/** The release of a job id that was parsed before: only where its parts begin is looked for. */
export function jobParts(job: JobId): { readonly project: ProjectName; readonly version: string } {
  const equals = job.indexOf('==')
  return {
    project: job.slice(0, equals) as ProjectName,
    version: job.slice(equals + 2, job.indexOf('@', equals))
  }
}
