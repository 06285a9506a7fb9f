import { type Config, type LoadConfigOptions, loadConfig } from '../../src/config/load-config.ts'

/** What the sources say. */
export interface Given {
  readonly data?: string
  readonly config?: string
  readonly flags?: Readonly<Record<string, unknown>>
  readonly env?: LoadConfigOptions['env']
  readonly files?: Readonly<Record<string, unknown>>
}

/** Loads from sources that are all given. */
export async function load({
  data = '/data',
  config,
  flags = {},
  env = {},
  files = {}
}: Given): Promise<Config> {
  return loadConfig({
    flags: { data, config, settings: flags },
    env,
    readFile: async (path) => {
      const content = files[path]
      return content === undefined || typeof content === 'string' ? content : JSON.stringify(content)
    }
  })
}
