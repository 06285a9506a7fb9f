import { execFile } from 'node:child_process'

/** Programs of the system, found in the system's folders only. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

const TOOL_TIMEOUT_MS = 10 * 60_000
const TOOL_OUTPUT_BYTES = 4 * 1024 * 1024

export interface ToolOutcome {
  /** -1 when the tool could not be started or was ended by a signal. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly cwd?: string
}

/** Runs a trusted program of the system to its end, with bounded output. Never for code of a package. */
export async function runTool(
  file: string,
  args: readonly string[],
  options: ToolOptions = {}
): Promise<ToolOutcome> {
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      {
        env: { PATH: SYSTEM_PATH, LANG: 'C.UTF-8', ...options.env },
        cwd: options.cwd ?? '/',
        timeout: options.timeoutMs ?? TOOL_TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: TOOL_OUTPUT_BYTES
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
      }
    )
  })
}
