import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { capture, type SandboxHost } from './capture.ts'
import { runTool } from './run-tool.ts'
import { INSIDE, type Bind } from './sandbox.ts'

/** The Rust that builds of this node use. */
export interface RustTools {
  /** Folder of `cargo` and `rustc` as a sandbox sees it. */
  readonly bin: string
  /** What it says of itself: `rustc 1.85.0 (…)`. */
  readonly rustc: string
  readonly cargo: string
  /** What a sandbox must show of the host. */
  readonly readOnly: readonly Bind[]
}

export type RustVerdict =
  | { readonly kind: 'ready'; readonly tools: RustTools }
  | { readonly kind: 'absent'; readonly reason: string; readonly cure: string }

/** This machine's environment, by which rustup finds its toolchains. */
type Machine = Readonly<Record<string, string | undefined>>

export const NO_RUST: RustVerdict = {
  kind: 'absent',
  reason: 'Rust is not installed',
  cure: 'apt install cargo'
}
const ASK_TIMEOUT_MS = 30_000

/**
 * The toolchain in `configured`, else the system's, else the one behind `rustc` on PATH; never rustup itself, which would fetch
 * whatever a package's rust-toolchain file names. It counts only when the build user can run it in a sandbox.
 */
export async function findRust(
  configured: string,
  host: SandboxHost,
  machine: Machine = process.env
): Promise<RustVerdict> {
  if (configured !== '') return tryRust(configured, host)
  // Debian's rustup puts links to itself there, which do not run without a home
  const ofSystem = (await exists('/usr/bin/cargo')) ? await tryRust('/usr', host) : undefined
  if (ofSystem?.kind === 'ready') return ofSystem
  const { code, stdout } = await runTool('rustc', ['--print', 'sysroot'], {
    env: rustupEnvironment(machine),
    timeoutMs: ASK_TIMEOUT_MS
  })
  const sysroot = stdout.trim()
  if (code === 0 && sysroot.startsWith('/') && sysroot !== '/usr') return tryRust(sysroot, host)
  return NO_RUST
}

async function tryRust(folder: string, host: SandboxHost): Promise<RustVerdict> {
  if (!(await exists(join(folder, 'bin', 'cargo')))) {
    const reason = `there is no ${join(folder, 'bin', 'cargo')}`
    return { kind: 'absent', reason, cure: 'name the folder of a Rust toolchain in build.rust' }
  }
  const ofSystem = folder === '/usr'
  const readOnly = ofSystem ? [] : [{ host: folder, inside: INSIDE.rust }]
  const bin = ofSystem ? '/usr/bin' : `${INSIDE.rust}/bin`
  const question = '"$0/cargo" --version && "$0/rustc" --version'
  const { ending, output } = await capture(host, ['sh', '-c', question, bin], readOnly)
  const [cargo, rustc] = ['cargo', 'rustc'].map((name) => lineOf(output, name))
  if (ending.kind !== 'exited' || ending.code !== 0 || cargo === undefined || rustc === undefined) {
    return {
      kind: 'absent',
      reason: `the build user cannot run the Rust in ${folder}: ${lastLine(output)}`,
      cure: `apt install cargo; or copy the toolchain out of the closed home (cp -a ${folder} /opt/rust) and set build.rust`
    }
  }
  return { kind: 'ready', tools: { bin, rustc, cargo, readOnly } }
}

function rustupEnvironment(machine: Machine): Readonly<Record<string, string>> {
  const names = ['PATH', 'HOME', 'RUSTUP_HOME', 'CARGO_HOME', 'RUSTUP_TOOLCHAIN']
  const kept = names.flatMap((name) => (machine[name] === undefined ? [] : [[name, machine[name]] as const]))
  // never at a question of ours
  return { ...Object.fromEntries(kept), RUSTUP_AUTO_INSTALL: '0' }
}

function lineOf(output: string, name: string): string | undefined {
  return output
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(0, MAX_VERSION_CHARS)
}

/** As much of a version as a result's line can hold. */
const MAX_VERSION_CHARS = 100

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false
  )
}
