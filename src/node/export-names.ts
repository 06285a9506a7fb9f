import { parseProjectName } from '../core/distribution.ts'
import type { ProjectName } from '../core/ids.ts'

/** A normalised name: it becomes the name of a folder, and nothing else may. */
export function isProjectName(name: unknown): name is ProjectName {
  try {
    return parseProjectName(name) === name
  } catch {
    return false
  }
}

/** `num*`, `py?`: a pattern for normalised project names, `*` for any characters and `?` for one. */
export function namePattern(pattern: string): (project: string) => boolean {
  const text = pattern
    .toLowerCase()
    .replaceAll(/[-_.]+/g, '-')
    .replaceAll('*', '[a-z0-9-]*')
    .replaceAll('?', '[a-z0-9-]')
  const regexp = new RegExp(`^${text}$`)
  return (project) => regexp.test(project)
}

export function isNamePattern(text: string): boolean {
  return /^[a-z0-9*?][a-z0-9*?._-]*$/i.test(text)
}
