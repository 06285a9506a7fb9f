import { parseProjectName } from '../core/distribution.ts'
import { isNodeId, isSha256, type JobId } from '../core/ids.ts'
import { jobId, parseJobId } from '../core/job.ts'
import { MAX_BLOB_BYTES, MAX_TEXT_CHARS } from '../core/limits.ts'
import type { BuildLimits } from '../core/record.ts'
import { isTargetId } from '../core/target.ts'
import { fields, integer, matching, parsed, text, type Shape } from './shape.ts'
import { malformed } from './wire-error.ts'

/* Shapes of the fields that several messages share. */

export const nodeId = matching(isNodeId, 'a node id')
export const sha256 = matching(isSha256, 'a sha256')
export const targetId = matching(isTargetId, 'a target')
export const project = parsed(parseProjectName)
const jobParts = parsed(parseJobId)
/** As {@link jobId} writes it, with a name that is normalised already: such a text is the job id itself. */
const WRITTEN_JOB = /^[a-z0-9]+(?:-[a-z0-9]+)*==[0-9a-z][0-9a-z.!+]{0,199}@/
/** Targets that were looked at, as they follow in a job id: a mesh has some dozens. */
const KNOWN_TARGETS = new Set<string>()
const MAX_KNOWN_TARGETS = 1_000
const MAX_NAME_CHARS = 200
export const job: Shape<JobId> = (value, name) => {
  if (typeof value === 'string' && value.indexOf('==') <= MAX_NAME_CHARS && WRITTEN_JOB.test(value)) {
    const target = value.slice(value.indexOf('@') + 1)
    if (KNOWN_TARGETS.has(target)) return value as JobId
    if (isTargetId(target) && KNOWN_TARGETS.size < MAX_KNOWN_TARGETS) KNOWN_TARGETS.add(target)
  }
  const { project, version, target } = jobParts(value, name)
  return jobId(project, version, target)
}
export const line = text(MAX_TEXT_CHARS)
export const PLAIN_FILE_NAME = /^[A-Za-z0-9][\w.+!-]*$/
/** File names on Linux end at 255 bytes. */
export const MAX_FILE_NAME_CHARS = 255
const nameOfFile = text(MAX_FILE_NAME_CHARS)
export const fileName: Shape<string> = (value, name) => {
  const found = nameOfFile(value, name)
  if (!PLAIN_FILE_NAME.test(found)) throw malformed(`${name} is not a plain file name`)
  return found
}
const whole = integer(0, Number.MAX_SAFE_INTEGER)
export const milliseconds = whole
/** A fence counts elections and view changes: at one a second, 2^40 last for 34,000 years. */
export const MAX_COUNTER = 2 ** 40
export const counter = integer(0, MAX_COUNTER)
/** What one build may use. */
export const buildLimits: Shape<BuildLimits> = (value, name) => {
  const map = fields(value, name)
  return {
    memoryBytes: whole(map['memoryBytes'], 'memoryBytes'),
    diskBytes: whole(map['diskBytes'], 'diskBytes'),
    wallMs: milliseconds(map['wallMs'], 'wallMs')
  }
}
export const MAX_PACKAGE_NAME_CHARS = 100
export const packageName = text(MAX_PACKAGE_NAME_CHARS)
export const blobSize = integer(0, MAX_BLOB_BYTES)
