import { CodedError } from './errors.ts'
import { FailureCauses, type CauseFile, type PatternEntry } from './failure-causes.ts'

interface CauseFileErrorDetail {
  readonly code: 'CAUSES_REFUSED'
  /** The file. */
  readonly source: string
  /** What is wrong, for people. */
  readonly problem: string
  readonly cure: string
}

/** A table of causes that cannot be used: the person who wrote it reads this. */
export class CauseFileError extends CodedError<CauseFileErrorDetail> {
  constructor(source: string, problem: string) {
    super({
      code: 'CAUSES_REFUSED',
      source,
      problem,
      cure: 'docs/building.md#failures says what it may hold'
    })
  }
}

/**
 * The shipped table with one of this node's own over it: tables of packages key by key, causes one by one, and its patterns before
 * the shipped ones, as the first that fits tells. Throws a CauseFileError that names the first thing wrong with it.
 */
export function withOwnCauses(shipped: CauseFile, own: unknown, source: string): FailureCauses {
  const read = new Reader(source)
  const { apt = {}, causes = {}, patterns = [] } = read.file(own)
  const tables = new Set([...Object.keys(shipped.apt), ...Object.keys(apt)])
  const merged = {
    apt: Object.fromEntries([...tables].map((name) => [name, { ...shipped.apt[name], ...apt[name] }])),
    causes: { ...shipped.causes, ...causes },
    patterns: [...patterns, ...shipped.patterns]
  }
  for (const [i, { apt: table }] of patterns.entries()) {
    if (table !== undefined && !tables.has(table))
      read.refuse(`patterns[${i}].apt`, `there is no table ${table}`)
  }
  try {
    return new FailureCauses(merged)
  } catch (error) {
    if (error instanceof TypeError) throw new CauseFileError(source, error.message)
    throw error
  }
}

/** What a pattern's fields are: `true` for those that it must have. */
const PATTERN_FIELDS: Readonly<Record<keyof PatternEntry, readonly [kind: Kind, isNeeded: boolean]>> = {
  cause: ['text', true],
  step: ['text', false],
  lines: ['texts', true],
  reason: ['text', true],
  apt: ['text', false],
  package: ['package', false],
  last: ['flag', false],
  after: ['text', false],
  unless: ['text', false],
  examples: ['texts', false]
}
const CAUSE_FIELDS = ['class', 'title', 'explanation', 'cure'] as const
/** Debian Policy §5.6.1. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/

type Kind = 'text' | 'texts' | 'flag' | 'package'

const KINDS: Readonly<Record<Kind, { readonly is: (value: unknown) => boolean; readonly what: string }>> = {
  text: { is: (value) => typeof value === 'string' && value !== '', what: 'a text' },
  texts: {
    is: (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string'),
    what: 'a list of texts'
  },
  flag: { is: (value) => typeof value === 'boolean', what: 'true or false' },
  package: {
    is: (value) => typeof value === 'string' && PACKAGE_NAME.test(value),
    what: 'the name of a Debian package'
  }
}

/** Reads what a person wrote, and names the place of the first thing that is wrong. */
class Reader {
  readonly #source: string

  constructor(source: string) {
    this.#source = source
  }

  file(value: unknown): Partial<CauseFile> {
    const file = this.#object('', value, ['apt', 'causes', 'patterns'])
    for (const [name, table] of Object.entries(this.#object('apt', file['apt'] ?? {}))) {
      for (const [thing, packageName] of Object.entries(this.#object(`apt.${name}`, table)))
        this.#kind(`apt.${name}.${thing}`, packageName, 'package')
    }
    for (const [cause, text] of Object.entries(this.#object('causes', file['causes'] ?? {}))) {
      const fields = this.#object(`causes.${cause}`, text, CAUSE_FIELDS)
      for (const field of CAUSE_FIELDS) this.#kind(`causes.${cause}.${field}`, fields[field], 'text')
    }
    const patterns = file['patterns'] ?? []
    if (!Array.isArray(patterns)) this.refuse('patterns', 'must be a list')
    else for (const [i, pattern] of patterns.entries()) this.#pattern(`patterns[${i}]`, pattern)
    return file
  }

  refuse(place: string, problem: string): never {
    throw new CauseFileError(this.#source, place === '' ? problem : `${place}: ${problem}`)
  }

  #pattern(place: string, value: unknown): void {
    const fields = this.#object(place, value, Object.keys(PATTERN_FIELDS))
    for (const [field, [kind, isNeeded]] of Object.entries(PATTERN_FIELDS)) {
      if (isNeeded || fields[field] !== undefined) this.#kind(`${place}.${field}`, fields[field], kind)
    }
    const { step } = fields
    if (step !== undefined && step !== 'requirements' && step !== 'build')
      this.refuse(`${place}.step`, 'must be "requirements" or "build"')
  }

  #kind(place: string, value: unknown, kind: Kind): void {
    if (!KINDS[kind].is(value)) this.refuse(place, `must be ${KINDS[kind].what}`)
  }

  #object(place: string, value: unknown, known?: readonly string[]): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.refuse(place, 'must be a JSON object')
    const unknown = Object.keys(value).find((key) => known?.includes(key) === false)
    if (unknown !== undefined)
      this.refuse(place, `unknown field ${unknown}; there are ${known?.join(', ') ?? ''}`)
    return value as Readonly<Record<string, unknown>>
  }
}
