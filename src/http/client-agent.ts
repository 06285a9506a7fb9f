import type { TargetId } from '../core/ids.ts'
import { MAX_AGENT_CHARS } from '../core/limits.ts'
import { isTargetId } from '../core/target.ts'

/** The part of pip's and uv's User-Agent that decides which wheels fit. Both send the JSON that PyPI's linehaul reads. */
interface AgentFacts {
  readonly python?: unknown
  readonly cpu?: unknown
  readonly implementation?: { readonly name?: unknown } | null
  readonly system?: { readonly name?: unknown } | null
  readonly distro?: { readonly libc?: { readonly lib?: unknown; readonly version?: unknown } | null } | null
}

const INTERPRETERS: ReadonlyMap<unknown, string> = new Map([
  ['CPython', 'cp'],
  ['PyPy', 'pp']
])
/** A 64-bit kernel runs 32-bit systems, too, and the installer names the kernel's machine. */
const MACHINES: ReadonlyMap<string, readonly string[]> = new Map([
  ['aarch64', ['aarch64', 'armv7l']],
  ['armv8l', ['armv7l']]
])

/**
 * The targets whose wheels an installer could use, by what it says of its machine: the likeliest first, empty when it does not say.
 * `pip/26.2 {json}` and `uv/0.12.5 {json}`; poetry and browsers say nothing of the kind.
 */
export function targetsOfAgent(userAgent: string): readonly TargetId[] {
  if (!userAgent.startsWith('pip/') && !userAgent.startsWith('uv/')) return []
  const start = userAgent.indexOf('{')
  if (start < 0 || userAgent.length > MAX_AGENT_CHARS) return []
  const facts = parse(userAgent.slice(start))
  if (facts?.system?.name !== 'Linux') return []
  const [python, libc] = [pythonOf(facts), libcOf(facts)]
  if (python === undefined || libc === undefined || typeof facts.cpu !== 'string') return []
  return (MACHINES.get(facts.cpu) ?? [facts.cpu])
    .map((machine) => `${python}-linux_${machine}-${libc}`)
    .filter((text) => isTargetId(text))
}

function parse(json: string): AgentFacts | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** `3.11.7` on CPython → `cp311` */
function pythonOf({ python, implementation }: AgentFacts): string | undefined {
  const [, major, minor] = typeof python === 'string' ? (/^(\d)\.(\d{1,2})(?!\d)/.exec(python) ?? []) : []
  const letters = INTERPRETERS.get(implementation?.name)
  return letters === undefined || major === undefined || minor === undefined
    ? undefined
    : `${letters}${major}${minor}`
}

/** pip names no musl: such a client is passed over. */
function libcOf({ distro }: AgentFacts): string | undefined {
  const { lib, version } = distro?.libc ?? {}
  if ((lib !== 'glibc' && lib !== 'musl') || typeof version !== 'string') return undefined
  const numbers = /^\d{1,2}\.\d{1,3}(?!\d)/.exec(version)?.[0]
  return numbers === undefined ? undefined : `${lib}${numbers}`
}
