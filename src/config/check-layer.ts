import type { z } from 'zod'
import { closestTo } from './closest-word.ts'
import { ConfigError } from './config-error.ts'
import { DEFAULT_SETTINGS, type Layer, layerSchema } from './schema.ts'

/** What one source says, and what it is called when it is wrong. */
export interface ConfigSource {
  /** The path of a file, or `the command line`, or `the environment`. */
  readonly name: string
  readonly values: unknown
  /** How this source calls a setting: `--http`, `COMMONWHEEL_HTTP_PORT`; the key itself where this is absent. */
  readonly spelling?: (key: string) => string
}

/** A layer whose every value may be used; throws a ConfigError that names the source, the setting and the cure. */
export function checkLayer(source: ConfigSource): Layer {
  const parsed = layerSchema.safeParse(source.values)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw issue === undefined ? new TypeError('a refusal without a reason') : refusal(issue, source)
}

type Issue = z.core.$ZodIssue

function refusal(issue: Issue, source: ConfigSource): ConfigError {
  if (issue.code === 'unrecognized_keys') return unknownKey(issue.path, issue.keys[0] ?? '', source)
  const key = issue.path.filter((part) => typeof part === 'string').join('.')
  if (key === '')
    return new ConfigError({ source: source.name, problem: 'the settings must be a JSON object', hint: '' })
  const spelt = source.spelling?.(key) ?? `"${key}"`
  return new ConfigError({
    source: source.name,
    problem: `${spelt}: ${described(issue, valueAt(source.values, issue.path))}`,
    hint: ''
  })
}

function unknownKey(path: readonly PropertyKey[], key: string, source: ConfigSource): ConfigError {
  const full = [...path.map(String), key].join('.')
  if (full === 'dataDir') {
    const hint = 'every command must find it: use --data, or COMMONWHEEL_DATA_DIR'
    return new ConfigError({ source: source.name, problem: '"dataDir" cannot stand in a file', hint })
  }
  const [group = ''] = path.map(String)
  const known = path.length === 0 ? DEFAULT_SETTINGS : (DEFAULT_SETTINGS as Record<string, unknown>)[group]
  const names = Object.keys(known as object)
  const meant = closestTo(key, names)
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean "${meant}"?`
  return new ConfigError({ source: source.name, problem: `"${full}" is no setting`, hint })
}

/** What the value must be, and what it is. */
function described(issue: Issue, value: unknown): string {
  return `${shouldBe(issue)}, not ${shown(value)}`
}

function shouldBe(issue: Issue): string {
  if (issue.code === 'invalid_type') return `must be ${TYPES[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`
  if (issue.code === 'too_big') {
    return `must be at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`
  }
  if (issue.code === 'too_small' && issue.origin !== 'string') return `must be at least ${issue.minimum}`
  return issue.message
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' }

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object'
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part],
    values
  )
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
