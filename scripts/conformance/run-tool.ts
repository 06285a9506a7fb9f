import { execFile } from 'node:child_process'
import { hermeticEnv } from '../../test/support/node-yard.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** What a client's run left. */
export interface ToolRun {
  readonly code: number
  /** Standard output, then what it wrote to standard error. */
  readonly stdout: string
  readonly said: string
}

/** Longer than any client retries a server that does not answer. */
const TOOL_MS = 600_000
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024

/** Runs a program with nothing of this machine's configuration; a failure is an answer as well. */
export function runTool(
  program: string,
  words: readonly string[],
  { home, env = {}, cwd = home }: { readonly home: string; readonly env?: Env; readonly cwd?: string }
): Promise<ToolRun> {
  const options = {
    env: { ...hermeticEnv(home), ...env },
    cwd,
    timeout: TOOL_MS,
    maxBuffer: MAX_OUTPUT_BYTES
  }
  return new Promise((resolve) => {
    execFile(program, words, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      const why = error !== null && code === -1 ? `${error.message}\n` : ''
      resolve({ code, stdout, said: `${stdout}${stderr}${why}` })
    })
  })
}

/** The end of what it said, when it should have worked. */
export function mustWork({ code, said }: ToolRun): void {
  if (code !== 0) throw new Error(`ended with ${code}: ${tailOf(said)}`)
}

/** It had to refuse, with words that tell why. */
export function mustFail({ code, said }: ToolRun, why: RegExp): void {
  if (code === 0) throw new Error(`it did not refuse: ${tailOf(said)}`)
  if (!why.test(said)) throw new Error(`it refused for another reason than ${String(why)}: ${tailOf(said)}`)
}

const TAIL_LINES = 14

function tailOf(text: string): string {
  return text.trim().split('\n').slice(-TAIL_LINES).join(' | ')
}
