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
export const job: Shape<JobId> = (value, name) => {
  const { project, version, target } = jobParts(value, name)
  return jobId(project, version, target)
}
export const line = text(MAX_TEXT_CHARS)
/** File names on Linux end at 255 bytes. */
const nameOfFile = text(255)
export const fileName: Shape<string> = (value, name) => {
  const found = nameOfFile(value, name)
  if (!/^[A-Za-z0-9][\w.+!-]*$/.test(found)) throw malformed(`${name} is not a plain file name`)
  return found
}
const whole = integer(0, Number.MAX_SAFE_INTEGER)
export const milliseconds = whole
/** A fence counts elections and view changes: at one a second, 2^40 last for 34,000 years. */
export const counter = integer(0, 2 ** 40)
/** What one build may use. */
export const buildLimits: Shape<BuildLimits> = (value, name) => {
  const map = fields(value, name)
  return {
    memoryBytes: whole(map['memoryBytes'], 'memoryBytes'),
    diskBytes: whole(map['diskBytes'], 'diskBytes'),
    wallMs: milliseconds(map['wallMs'], 'wallMs')
  }
}
export const packageName = text(100)
export const blobSize = integer(0, MAX_BLOB_BYTES)
