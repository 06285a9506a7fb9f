import { hostname } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { type ConfigSource, checkLayer } from './check-layer.ts'
import { ConfigError } from './config-error.ts'
import { type DataDirSources, findDataDir } from './data-dir.ts'
import { environmentLayer } from './environment-layer.ts'
import { DEFAULT_SETTINGS, type Settings } from './schema.ts'
import { SETTING_ROWS } from './settings-table.ts'

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** Everything a person may set, complete and frozen. `dataDir` comes from data-dir.ts. */
export type Config = DeepReadonly<Settings & { dataDir: string }>

/** The settings that the command line gives: as in the file, and where to look. */
export interface ConfigFlags {
  /** --data */
  readonly data?: string | undefined
  /** --config */
  readonly config?: string | undefined
  readonly settings: Readonly<Record<string, unknown>>
}

export interface LoadConfigOptions {
  readonly flags: ConfigFlags
  readonly env: DataDirSources['env']
  /** undefined when there is no such file. */
  readonly readFile: (path: string) => Promise<string | undefined>
}

/** How the command line spells what differs from `--key`. */
const FLAGS: Readonly<Record<string, string>> = {
  'http.host': '--http',
  'http.port': '--http',
  pythons: '--python',
  roles: '--role',
  acceptLan: '--accept-lan',
  'caps.hours': '--hours',
  'caps.cores': '--cores',
  'caps.temperature': '--max-temperature',
  'caps.longestJobMs': '--longest-job',
  buildDir: '--build-dir'
}

/** Built-in defaults, then the file, then `COMMONWHEEL_*`, then flags; throws a ConfigError for what cannot be used. */
export async function loadConfig({ flags, env, readFile }: LoadConfigOptions): Promise<Config> {
  const dataDir = findDataDir({ flag: flags.data, env })
  const sources = [
    await fileSource(flags.config ?? env['COMMONWHEEL_CONFIG'], join(dataDir, 'config.json'), readFile),
    { name: 'the environment', values: environmentLayer(env), spelling: variableOf },
    { name: 'the command line', values: flags.settings, spelling: (key: string) => FLAGS[key] ?? `--${key}` }
  ]
  return resolveConfig(dataDir, sources)
}

/** Later sources win, setting by setting; a list replaces a list. */
export function resolveConfig(dataDir: string, sources: readonly ConfigSource[]): Config {
  const settings = sources.map(checkLayer).reduce<Settings>(
    (below, { http, build, caps, ...rest }) => ({
      ...below,
      ...withoutUndefined(rest),
      http: { ...below.http, ...withoutUndefined(http ?? {}) },
      build: { ...below.build, ...withoutUndefined(build ?? {}) },
      caps: { ...below.caps, ...withoutUndefined(caps ?? {}) }
    }),
    DEFAULT_SETTINGS
  )
  const { silenceMs, wallMs } = settings.build
  return deepFreeze({
    ...settings,
    // Silence for longer than a build may take would never be seen.
    build: { ...settings.build, silenceMs: Math.min(silenceMs, wallMs) },
    name: settings.name === '' ? hostname() : settings.name,
    roles: [...new Set(settings.roles)],
    dataDir
  })
}

async function fileSource(
  named: string | undefined,
  usual: string,
  readFile: LoadConfigOptions['readFile']
): Promise<ConfigSource> {
  const path = named ?? usual
  const text = await readText(path, readFile)
  if (text !== undefined) return { name: path, values: parsed(path, text) }
  if (named === undefined) return { name: path, values: {} }
  throw new ConfigError({
    source: path,
    problem: 'there is no such file',
    hint: 'give the path of a JSON file'
  })
}

async function readText(path: string, readFile: LoadConfigOptions['readFile']): Promise<string | undefined> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new ConfigError(
      { source: path, problem: `cannot be read: ${messageOf(cause)}`, hint: '' },
      { cause }
    )
  }
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const hint = 'it holds no comments and no commas at the end of a list'
    throw new ConfigError({ source: path, problem: `is no JSON: ${messageOf(cause)}`, hint }, { cause })
  }
}

function variableOf(key: string): string {
  return SETTING_ROWS.find((row) => row.key === key)?.variable ?? key
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  }
  return Object.freeze(value)
}
