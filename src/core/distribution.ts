import type { ProjectName } from './ids.ts'

/** PEP 508's name grammar, bounded: the index never had a longer one than 200. */
const VALID_NAME = /^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]{0,198}[A-Z0-9])$/i

/** Normalises a project name by PEP 503, refusing what is no name at all. */
export function parseProjectName(text: unknown): ProjectName {
  if (typeof text !== 'string' || !VALID_NAME.test(text)) {
    throw new TypeError(
      `not a project name: ${typeof text === 'string' ? JSON.stringify(text.slice(0, 80)) : typeof text}`
    )
  }
  return normalizeName(text)
}

/** PEP 503: runs of `-`, `_`, `.` become one `-`, all lower case. */
export function normalizeName(name: string): ProjectName {
  return name.replace(/[-_.]+/g, '-').toLowerCase() as ProjectName
}
