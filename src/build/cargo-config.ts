import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'smol-toml'

type Table = Readonly<Record<string, unknown>>

/** Fields of `[http]` that say how the network is reached; a proxy with a password in its address is left out. */
const HTTP_FIELDS = ['proxy', 'cainfo', 'timeout', 'multiplexing', 'low-speed-limit'] as const

/**
 * What this machine's cargo configuration says of where crates come from, as TOML: source replacement by another registry, and how
 * the network is reached. Nothing that could run a program (credential helpers, wrappers, aliases) and nothing secret is in it.
 */
export async function readCargoConfig(
  machine: Readonly<Record<string, string | undefined>>
): Promise<string> {
  const home =
    machine['CARGO_HOME'] ?? (machine['HOME'] === undefined ? undefined : join(machine['HOME'], '.cargo'))
  if (home === undefined) return ''
  for (const name of ['config.toml', 'config']) {
    const text = await readFile(join(home, name), 'utf8').catch(() => undefined)
    if (text !== undefined) return safePartOf(text)
  }
  return ''
}

function safePartOf(text: string): string {
  const config = tableOf(() => parse(text))
  const sources = Object.entries(tableOf(() => config['source'])).flatMap(([name, source]) => {
    const kept = sourceOf(tableOf(() => source))
    return kept === undefined ? [] : [[name, kept] as const]
  })
  const said = tableOf(() => config['http'])
  const http = HTTP_FIELDS.filter((name) => said[name] !== undefined && !hasSecret(said[name]))
  return stringify({
    ...(sources.length === 0 ? {} : { source: Object.fromEntries(sources) }),
    ...(http.length === 0 ? {} : { http: Object.fromEntries(http.map((name) => [name, said[name]])) })
  })
}

/** Another name for a source, or a registry elsewhere; folders of this machine are not to be seen in a sandbox. */
function sourceOf({ 'replace-with': other, registry }: Table): Table | undefined {
  if (typeof other !== 'string' && (typeof registry !== 'string' || hasSecret(registry))) return undefined
  return {
    ...(typeof other === 'string' ? { 'replace-with': other } : {}),
    ...(typeof registry === 'string' && !hasSecret(registry) ? { registry } : {})
  }
}

/** An address with a user in it. */
function hasSecret(value: unknown): boolean {
  return typeof value === 'string' && /^[^?#]*\/\/[^/]*@|^[^/]*:[^/]*@/.test(value)
}

function tableOf(read: () => unknown): Table {
  try {
    const value = read()
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {}
  } catch {
    // cargo itself would say what is wrong with it
    return {}
  }
}
