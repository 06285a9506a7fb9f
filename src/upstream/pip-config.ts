import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { UpstreamError } from '../core/upstream-error.ts'

const run = promisify(execFile)

/** A cold Python on a Pi Zero with a busy SD card takes some 10 s. */
const PIP_TIMEOUT_MS = 120_000
const MAX_OUTPUT_BYTES = 1024 * 1024
/** `pip install` lets its own section win over the global one. */
const SECTIONS = [':env:', 'install', 'global']
const ASK_DEFAULT = 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)'

/**
 * The index that pip would install from on this machine, with a slash at the end: its environment, its
 * configuration files, else what is built into it. We hard-code no host; pip is asked.
 * Throws an UpstreamError UPSTREAM_UNCONFIGURED when pip follows none or cannot be asked.
 */
export async function findIndexUrl(
  python: string,
  env: Readonly<Record<string, string | undefined>> = process.env
): Promise<string> {
  const fromEnvironment = env['PIP_INDEX_URL']
  if (fromEnvironment) return checkedUrl(fromEnvironment)
  const settings = parsePipConfigList(await ask(python, ['-m', 'pip', 'config', 'list'], env))
  if (/^(1|true|yes|on|y|t)$/i.test(setting(settings, 'no-index') ?? '')) {
    throw unconfigured('pip is told to use no index (no-index)')
  }
  return checkedUrl(setting(settings, 'index-url') ?? (await ask(python, ['-c', ASK_DEFAULT], env)).trim())
}

/** The lines of `pip config list`: `global.index-url='https://…'`. */
export function parsePipConfigList(output: string): ReadonlyMap<string, string> {
  const lines = output.split('\n').map((line) => /^([^=\s]+)=(['"])(.*)\2\s*$/.exec(line))
  return new Map(lines.flatMap((match) => (match?.[1] === undefined ? [] : [[match[1], match[3] ?? '']])))
}

function setting(settings: ReadonlyMap<string, string>, name: string): string | undefined {
  for (const section of SECTIONS) {
    const value = settings.get(`${section}.${name}`)
    if (value) return value
  }
  return undefined
}

async function ask(
  python: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>
): Promise<string> {
  try {
    // Not in our working folder: a file pip.py there would be taken for pip.
    const options = { cwd: '/', env, timeout: PIP_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }
    return (await run(python, args, options)).stdout
  } catch (cause) {
    throw unconfigured(
      `${python} ${args.slice(0, 2).join(' ')} failed; name the index with --upstream`,
      cause
    )
  }
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw unconfigured(`pip's index is no http URL: ${url?.protocol ?? text.slice(0, 80)}`)
  }
  return url.href.endsWith('/') ? url.href : `${url.href}/`
}

function unconfigured(why: string, cause?: unknown): UpstreamError {
  return new UpstreamError({ code: 'UPSTREAM_UNCONFIGURED', why }, { cause })
}
