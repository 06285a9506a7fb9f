import type { ProjectName } from './ids.ts'
import { parseProjectName } from './distribution.ts'
import { messageOf } from './errors.ts'
import { parseSpecifierSet } from './specifier.ts'

/** One line that asks for a project: what a person types, or a requirements file holds (PEP 508 without URLs). */
export interface Requirement {
  readonly project: ProjectName
  /** PEP 440 specifier set, `''` without one. */
  readonly specifier: string
  /** The text behind `;`, not evaluated: what one target rules out another may need. */
  readonly marker: string
}

/** Name, extras (they never change what is to be built), and the rest. */
const SHAPE = /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\s*\[[^[\]]*\])?(.*)$/s
/** A file of a thousand requirements, each with a dozen hashes, stays below this. */
const MAX_FILE_CHARS = 4 * 1024 * 1024
const MAX_LINE_CHARS = 4_000

/** Reads one requirement; throws a TypeError that says what is wrong with it. */
export function parseRequirement(text: string): Requirement {
  const line = withoutComment(text).trim()
  if (line.length > MAX_LINE_CHARS) throw new TypeError('requirement too long')
  if (isReference(line)) {
    throw new TypeError(`only names and versions can be asked for, not a file or URL: ${shown(line)}`)
  }
  const [head = '', ...marker] = line.split(';')
  const [, name, versions = ''] = SHAPE.exec(head.trim()) ?? []
  if (name === undefined) throw new TypeError(`not a requirement: ${shown(line)}`)
  return {
    project: parseProjectName(name),
    specifier: parseSpecifierSet(withoutParentheses(versions.trim())).text,
    marker: marker.join(';').trim()
  }
}

/**
 * Reads a requirements file as pip does: comments, continued lines, hashes and options of pip itself are passed
 * over. What would need another file, a URL or a working tree is refused, with the number of its line.
 */
export function parseRequirementsFile(text: string): readonly Requirement[] {
  if (text.length > MAX_FILE_CHARS) throw new TypeError('requirements file too long')
  const found: Requirement[] = []
  for (const { number, line } of logicalLines(text)) {
    try {
      const requirement = parseFileLine(line)
      if (requirement !== undefined) found.push(requirement)
    } catch (cause) {
      throw new TypeError(`line ${number}: ${messageOf(cause)}`, { cause })
    }
  }
  return found
}

function parseFileLine(text: string): Requirement | undefined {
  const line = withoutComment(text).trim()
  if (line === '') return undefined
  if (/^(-[rce]|--(requirement|constraint|editable))/.test(line)) {
    throw new TypeError(`other files and working trees cannot be asked for: ${shown(line)}`)
  }
  if (line.startsWith('-')) return undefined
  return parseRequirement(line.replace(/\s--?[a-z][\s\S]*$/, ''))
}

/** A backslash at the end joins the next line; the number is that of the first one. A comment is not continued. */
function* logicalLines(text: string): Generator<{ readonly number: number; readonly line: string }> {
  let started = 0
  let pending = ''
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (pending === '') started = index + 1
    if (line.endsWith('\\') && !/(^|\s)#/.test(line)) {
      pending += `${line.slice(0, -1)} `
      continue
    }
    yield { number: started, line: pending + line }
    pending = ''
  }
  if (pending !== '') yield { number: started, line: pending }
}

/** PEP 508 still knows `name (>=1.0)`. */
function withoutParentheses(text: string): string {
  return text.startsWith('(') && text.endsWith(')') ? text.slice(1, -1) : text
}

/** A `#` starts a comment at the start of a line or after a space. */
function withoutComment(text: string): string {
  return text.replace(/(^|\s)#.*$/s, '')
}

/** `name @ url`, URLs, and paths of archives or folders. */
function isReference(line: string): boolean {
  return (
    /^[\w.-]+\s*(\[[^\]]*\])?\s*@/.test(line) ||
    /^[a-z][a-z0-9+.-]*:/i.test(line) ||
    /^[^;<>=~!]*[/\\]/.test(line) ||
    /^[^;<>=~!]*\.(whl|zip|tar\.\w+|tgz)$/i.test(line)
  )
}

function shown(line: string): string {
  return JSON.stringify(line.slice(0, 80))
}
