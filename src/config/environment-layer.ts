import { ConfigError } from './config-error.ts'
import { closestTo } from './closest-word.ts'
import { SETTING_ROWS } from './settings-table.ts'

/** Variables that are no settings of the layer: where to look, and what tests of this program use. */
const OTHERS = ['COMMONWHEEL_DATA_DIR', 'COMMONWHEEL_CONFIG']
const FOR_TESTS = 'COMMONWHEEL_TEST_'

/**
 * The settings that the environment holds, nested as in the file; lists are separated by commas or spaces. Throws a
 * ConfigError for a `COMMONWHEEL_*` variable that is none: a misspelt one would be passed over in silence.
 */
export function environmentLayer(
  env: Readonly<Record<string, string | undefined>>
): Readonly<Record<string, unknown>> {
  const layer: Record<string, unknown> = {}
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('COMMONWHEEL_') || variable.startsWith(FOR_TESTS) || OTHERS.includes(variable))
      continue
    const row = SETTING_ROWS.find((candidate) => candidate.variable === variable)
    if (row === undefined) throw unknownVariable(variable)
    if (text !== undefined) place(layer, row.key, valueOf(text, row.default))
  }
  return layer
}

function unknownVariable(variable: string): ConfigError {
  const meant = closestTo(variable, [...OTHERS, ...SETTING_ROWS.map((row) => row.variable)])
  return new ConfigError({
    source: variable,
    problem: 'there is no such setting',
    hint: meant === undefined ? 'docs/configuration.md lists them all' : `did you mean ${meant}?`
  })
}

/** Text becomes what the default is; what does not fit stays text, and the schema says so. */
function valueOf(text: string, example: unknown): unknown {
  const trimmed = text.trim()
  if (Array.isArray(example)) return trimmed.split(/[\s,]+/).filter((item) => item !== '')
  if (typeof example === 'number') return /^-?\d+$/.test(trimmed) ? Number(trimmed) : trimmed
  if (typeof example === 'boolean') return booleanOf(trimmed)
  return text
}

function booleanOf(text: string): unknown {
  if (/^(1|true|yes|on)$/i.test(text)) return true
  return /^(0|false|no|off)$/i.test(text) ? false : text
}

function place(layer: Record<string, unknown>, key: string, value: unknown): void {
  const [first = '', second] = key.split('.')
  if (second === undefined) layer[first] = value
  else layer[first] = { ...(layer[first] as object | undefined), [second]: value }
}
