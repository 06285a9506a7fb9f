import type { Bind } from './sandbox.ts'

/** What config/python/interpreter_facts.py says. */
export interface InterpreterFacts {
  readonly executable: string
  /** Python part of a target: `cp311`. */
  readonly python: string
  readonly version: string
  readonly platform: string
  readonly libc: string
  readonly prefixes: readonly string[]
  readonly include: string
  readonly headers: boolean
  readonly venv: boolean
  readonly supported: boolean
}

export interface SupportedTags {
  readonly pip: string
  readonly tags: readonly string[]
}

/** The answer in what an interpreter wrote, undefined when there is none: a site customisation may print more. */
export function parseFacts(output: string): InterpreterFacts | undefined {
  const found = answerIn(output, 'commonwheel-facts')
  const text = (name: string): string => (typeof found?.[name] === 'string' ? found[name] : '')
  if (found === undefined || text('executable') === '') return undefined
  const prefixes = found['prefixes']
  return {
    executable: text('executable'),
    python: text('python'),
    version: text('version'),
    platform: text('platform'),
    libc: text('libc'),
    prefixes: textsOf(prefixes),
    include: text('include'),
    headers: found['headers'] === true,
    venv: found['venv'] === true,
    supported: found['supported'] === true
  }
}

/** The answer of config/python/supported_tags.py. */
export function parseTags(output: string): SupportedTags | undefined {
  const found = answerIn(output, 'commonwheel-tags')
  const pip = found?.['pip']
  const tags = textsOf(found?.['tags'])
  return typeof pip === 'string' && tags.length > 0 ? { pip, tags } : undefined
}

/** The target of an interpreter, perhaps one that core does not know. */
export function targetText({ python, platform, libc }: InterpreterFacts): string {
  return `${python}-${platform}-${libc}`
}

/** Folders outside `/usr` (and `/usr/local`, which a sandbox hides) without which the interpreter does not run. */
export function bindsOf({ prefixes, executable }: InterpreterFacts): readonly Bind[] {
  const needed = [...prefixes, executable.replace(/\/[^/]+$/, '')].filter((path) => !isSystem(path))
  const outer = needed.filter(
    (path) => !needed.some((other) => path !== other && path.startsWith(`${other}/`))
  )
  return [...new Set(outer)].map((path) => ({ host: path, inside: path }))
}

function isSystem(path: string): boolean {
  const inUsr = path === '/usr' || path.startsWith('/usr/')
  return inUsr && path !== '/usr/local' && !path.startsWith('/usr/local/')
}

function answerIn(output: string, marker: string): Record<string, unknown> | undefined {
  const line = output.split('\n').find((text) => text.startsWith(`${marker} `))
  try {
    const value: unknown = JSON.parse(line?.slice(marker.length) ?? 'null')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
