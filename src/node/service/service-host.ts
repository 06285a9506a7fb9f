import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { SERVICE_NAME, type ServiceScope } from './service-places.ts'
import { ServiceError } from './service-error.ts'

export interface ToolAnswer {
  /** -1: it could not be started, or was ended by a signal. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The machine under a service, as far as installing one touches more than files. */
export interface ServiceHost {
  /** 0 for root. */
  readonly uid: number
  /** Whether systemd runs this machine. sd_booted(3) */
  readonly hasSystemd: () => Promise<boolean>
  readonly run: (file: string, args: readonly string[]) => Promise<ToolAnswer>
}

/** A start waits until the node is up: a broken database is repaired first. */
const TIMEOUT_MS = 40 * 60_000
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

export function thisHost(): ServiceHost {
  return {
    uid: process.getuid?.() ?? -1,
    hasSystemd: async () =>
      access('/run/systemd/system').then(
        () => true,
        () => false
      ),
    run: async (file, args) =>
      new Promise((resolve) => {
        const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, cwd: '/' }
        execFile(file, args, options, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
          resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
        })
      })
  }
}

/** Runs a tool that must succeed. */
export async function runOrThrow(
  host: ServiceHost,
  file: string,
  args: readonly string[],
  cure = ''
): Promise<string> {
  const { code, stdout, stderr } = await host.run(file, args)
  if (code === 0) return stdout
  const said = stderr.trim().split('\n').at(-1) ?? ''
  throw new ServiceError({ code: 'SERVICE_TOOL_FAILED', command: [file, ...args].join(' '), said, cure })
}

/** systemctl for the machine, or for this user. */
export async function systemctl(
  host: ServiceHost,
  scope: ServiceScope,
  ...words: readonly string[]
): Promise<ToolAnswer> {
  return host.run('systemctl', [...(scope === 'user' ? ['--user'] : []), ...words])
}

/** What systemd says of the service, by property. */
export async function serviceState(
  host: ServiceHost,
  scope: ServiceScope
): Promise<Readonly<Record<string, string>>> {
  const properties = [
    'LoadState',
    'ActiveState',
    'SubState',
    'UnitFileState',
    'NRestarts',
    'Result',
    'StatusText'
  ]
  const { stdout } = await systemctl(
    host,
    scope,
    ...['show', SERVICE_NAME, ...properties.map((name) => `--property=${name}`)]
  )
  const pairs = stdout.split('\n').flatMap((line) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(pairs)
}

/** The last lines of the service's log. */
export async function lastWords(host: ServiceHost, scope: ServiceScope): Promise<string> {
  const whose = scope === 'user' ? ['--user'] : []
  const { stdout } = await host.run('journalctl', [
    ...whose,
    '-u',
    SERVICE_NAME,
    '-n',
    '5',
    '-o',
    'cat',
    '--no-pager'
  ])
  return stdout.trim()
}

export async function needSystemd(host: ServiceHost, scope: ServiceScope): Promise<void> {
  if (!(await host.hasSystemd()))
    throw new ServiceError({
      code: 'SERVICE_NO_SYSTEMD',
      cure: 'run `./commonwheel join` under the supervisor that this machine has'
    })
  if (scope === 'system' && host.uid !== 0)
    throw new ServiceError({
      code: 'SERVICE_NOT_ROOT',
      cure: 'sudo ./commonwheel service install; or, for this user alone: ./commonwheel service install --user'
    })
}
