import { compileTemplate, type LineMatch, type LineTemplate } from './line-template.ts'
import { FAILURE_CLASSES, type Failure, type FailureClass } from './record.ts'

/** In which step a command ran: fetching requirements fails in other ways than building. */
export type JudgedStep = 'requirements' | 'build'

/** What is known of one cause of failures: for people, and for the queue. */
export interface CauseText {
  readonly class: FailureClass
  /** A few words. */
  readonly title: string
  readonly explanation: string
  /** What to do about it. */
  readonly cure: string
}

/** A line of a log that tells why a build failed. */
export interface LogFinding {
  /** From 0. */
  readonly line: number
  /** The part of the line that tells, `end` exclusive. */
  readonly start: number
  readonly end: number
  readonly failure: Failure
  /** The Debian package that has what is missing, when known. */
  readonly apt?: string
}

/** config/failure-causes.json as it is written. What a file may hold, and how two become one: core/cause-file.ts. */
export interface CauseFile {
  readonly apt: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly causes: Readonly<
    Record<string, Readonly<Record<'class' | 'title' | 'explanation' | 'cure', string>>>
  >
  readonly patterns: readonly PatternEntry[]
}

export interface PatternEntry {
  readonly cause: string
  readonly step?: string
  /** Any of these templates (core/line-template.ts). */
  readonly lines: readonly string[]
  /** `$1`, `$2`: what a template caught; `$0`: all of it; `$apt`: what to install, when known. */
  readonly reason: string
  /** In which table the first thing caught is looked up. */
  readonly apt?: string
  /** The Debian package that has what is missing, where the line does not name it. */
  readonly package?: string
  /** The last line that fits tells, in place of the first. */
  readonly last?: boolean
  /** Only below a line of this template. */
  readonly after?: string
  /** Not in a log that has this text. */
  readonly unless?: string
  /** Lines of real builds that it is for. */
  readonly examples: readonly string[]
}

interface Pattern extends Omit<PatternEntry, 'lines' | 'after' | 'apt'> {
  readonly class: FailureClass
  readonly templates: readonly LineTemplate[]
  readonly after: readonly LineTemplate[]
  readonly apt: Readonly<Record<string, string>>
}

const MAX_REASON_CHARS = 400

/**
 * The causes of failed builds: a builder names one by the last words of a build, the page of a log finds the line and explains it.
 * Every look at a log takes time linear in its length.
 */
export class FailureCauses {
  /** Every Debian package that may be named as missing. */
  readonly packages: ReadonlySet<string>
  readonly #causes: ReadonlyMap<string, CauseText>
  readonly #patterns: readonly Pattern[]

  /** Throws a TypeError that names what is wrong with the table. */
  constructor({ apt, causes, patterns }: CauseFile) {
    const own = patterns.flatMap((entry) => entry.package ?? [])
    this.packages = new Set([...Object.values(apt).flatMap((table) => Object.values(table)), ...own])
    this.#causes = new Map(Object.entries(causes).map(([cause, text]) => [cause, causeText(cause, text)]))
    this.#patterns = patterns.map((entry) => {
      const known = this.#causes.get(entry.cause)
      if (known === undefined) throw new TypeError(`no text for the cause ${entry.cause}`)
      const templates = entry.lines.flatMap(compileTemplate)
      const after = entry.after === undefined ? [] : compileTemplate(entry.after)
      return { ...entry, class: known.class, templates, after, apt: apt[entry.apt ?? ''] ?? {} }
    })
  }

  /** What people should know about a cause, undefined for one of a newer version. */
  textOf(cause: string): CauseText | undefined {
    return this.#causes.get(cause)
  }

  /** Why the command failed that wrote these lines: the first pattern of the table that fits tells. */
  classify(step: JudgedStep, lines: readonly string[]): LogFinding | undefined {
    const patterns = this.#patterns.filter((pattern) => pattern.step === undefined || pattern.step === step)
    for (const pattern of patterns) {
      const finding = findingsOf(pattern, lines).next().value
      if (finding !== undefined) return finding
    }
    return undefined
  }

  /** The line that a failure came from: one that gives the very reason, else the first that tells of its cause. */
  find(
    { cause, reason }: Pick<Failure, 'cause' | 'reason'>,
    lines: readonly string[]
  ): LogFinding | undefined {
    let first: LogFinding | undefined
    for (const pattern of this.#patterns) {
      if (pattern.cause !== cause) continue
      for (const finding of findingsOf(pattern, lines)) {
        if (reason.startsWith(finding.failure.reason)) return finding
        first ??= finding
      }
    }
    return first
  }
}

function causeText(
  cause: string,
  { class: name, title, explanation, cure }: CauseFile['causes'][string]
): CauseText {
  const found = FAILURE_CLASSES.find((one) => one === name)
  if (found === undefined) throw new TypeError(`no class of failures is called ${name}: ${cause}`)
  return { class: found, title, explanation, cure }
}

function* findingsOf(pattern: Pattern, lines: readonly string[]): Generator<LogFinding, undefined> {
  const { unless, after } = pattern
  if (unless !== undefined && lines.some((line) => line.includes(unless))) return undefined
  const from = after.length === 0 ? 0 : lines.findIndex((line) => matchAny(after, line) !== undefined) + 1
  if (after.length > 0 && from === 0) return undefined
  const count = lines.length - from
  for (let i = 0; i < count; i++) {
    const at = pattern.last === true ? lines.length - 1 - i : from + i
    const line = lines[at] ?? ''
    const match = matchAny(pattern.templates, line)
    if (match !== undefined) yield findingOf(pattern, { at, line, match })
  }
  return undefined
}

function matchAny(templates: readonly LineTemplate[], line: string): LineMatch | undefined {
  for (const template of templates) {
    const match = template.match(line)
    if (match !== undefined) return match
  }
  return undefined
}

function findingOf(
  { class: kind, cause, reason, apt, package: own }: Pattern,
  { at, line, match }: { readonly at: number; readonly line: string; readonly match: LineMatch }
): LogFinding {
  const { start, end, groups } = match
  const [thing = ''] = groups
  const packageName = apt[thing.toLowerCase()] ?? apt[thing] ?? own
  const missing = kind === 'missing-dependency' ? packageName : undefined
  const text = reason
    .replaceAll('$apt', () => (packageName === undefined ? '' : `: apt install ${packageName}`))
    .replaceAll(/\$(\d)/g, (_, digit: string) =>
      digit === '0' ? line.slice(start, end) : (groups[Number(digit) - 1] ?? '')
    )
  return {
    line: at,
    start,
    end,
    failure: { class: kind, cause, reason: clipReason(text), ...(missing !== undefined && { missing }) },
    ...(packageName === undefined ? {} : { apt: packageName })
  }
}

const NOISE =
  /^(?:==|\s*$|\s*\[notice\]|\s*error: subprocess-exited|\s*note: This|\s*╰─>|\s*×|ERROR: Failed (?:to build|building))/

/** Where a build that nothing else is known of ended: the last line that says something; -1 when there is none. */
export function lastMeaningfulLine(lines: readonly string[]): number {
  return lines.findLastIndex((line) => !NOISE.test(line))
}

/** One bounded line: control characters of a build's output must not reach anybody's terminal. */
export function clipReason(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return line.length > MAX_REASON_CHARS ? `${line.slice(0, MAX_REASON_CHARS - 1)}…` : line
}
