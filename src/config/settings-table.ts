import type { z } from 'zod'
import { DEFAULT_SETTINGS, settingsShape } from './schema.ts'

/** One thing to set, as documentation and environment see it. */
export interface SettingRow {
  /** `http.port` */
  readonly key: string
  /** `COMMONWHEEL_HTTP_PORT` */
  readonly variable: string
  readonly default: unknown
  readonly description: string
}

type Shape = Readonly<Record<string, z.ZodType>>

/** Every setting, in the order of the schema. */
export const SETTING_ROWS: readonly SettingRow[] = rowsOf(settingsShape, DEFAULT_SETTINGS, [])

function rowsOf(
  shape: Shape,
  defaults: Readonly<Record<string, unknown>>,
  above: readonly string[]
): SettingRow[] {
  return Object.entries(shape).flatMap(([name, type]) => {
    const path = [...above, name]
    const inner = 'shape' in type ? (type.shape as Shape) : undefined
    const value = defaults[name]
    if (inner !== undefined) return rowsOf(inner, value as Readonly<Record<string, unknown>>, path)
    const row = { key: path.join('.'), variable: variableOf(path) }
    return [{ ...row, default: value, description: type.description ?? '' }]
  })
}

/** `['build', 'wallMs']` → `COMMONWHEEL_BUILD_WALL_MS` */
function variableOf(path: readonly string[]): string {
  const words = path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())
  return ['COMMONWHEEL', ...words].join('_')
}
