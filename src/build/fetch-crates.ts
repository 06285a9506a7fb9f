import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../core/digest.ts'
import { messageOf } from '../core/errors.ts'
import { giveToBuilds } from './build-place.ts'
import type { BuildRun } from './build-run.ts'
import type { BuildSystem } from './build-system.ts'
import { readCargoConfig } from './cargo-config.ts'
import { lockedCrates } from './cargo-sources.ts'
import { declaresRust, readCargoTree, readLock, type CargoTree, type CargoWorkspace } from './cargo-tree.ts'
import { failureOf } from './classify-failure.ts'
import { CrateCache } from './crate-cache.ts'
import { runInside, type InsideOutcome } from './run-inside.ts'
import { runTool } from './run-tool.ts'
import type { RustTools } from './rust-tools.ts'
import { INSIDE, type Bind } from './sandbox.ts'
import { BUILD_PATH, fetchEnvironment, fetchPaths } from './sandbox-env.ts'
import { done, failed, type Step } from './step.ts'

/** What a build with Rust is given beside its Python requirements. */
export interface RustSupply {
  /** For the result's list of requirements: the compiler, and each lock file with its digest. */
  readonly lines: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly readOnly: readonly Bind[]
}

const NOTHING: RustSupply = { lines: [], env: {}, readOnly: [] }
/** A lock file that the manifests have outgrown. */
const STALE_LOCK = /--locked (?:was passed|flag)|because --locked/
/** The copy of a tree whose lock file is to be written. */
const COPY = 'tree-to-lock'

interface Source {
  readonly top: string
  readonly system: BuildSystem
}

/**
 * Fetches the crates of a package before it is built: cargo runs with the network, in a sandbox that holds nothing else, and runs
 * no code of any package. It stands outside the source tree, so that no configuration in there counts: cargo reads that of the folder
 * it is called in and of those above. The build finds the crates in a cargo home of its own.
 */
export async function fetchCrates(run: BuildRun, { top, system }: Source): Promise<Step<RustSupply>> {
  const { context, options } = run
  const isDeclared = declaresRust(system)
  const tree = plainly(await readTree(join(context.work.build, 'src', top)), isDeclared)
  if (!isDeclared && tree.kind === 'found' && tree.workspaces.length === 0) return done(NOTHING)
  if (options.rust.kind === 'absent') {
    if (isDeclared) return withoutRust(options.rust.reason, options.rust.cure)
    await context.log.line(`its Cargo files are passed over: ${options.rust.reason}`)
    return done(NOTHING)
  }
  const { tools } = options.rust
  const fetched =
    tree.kind === 'refused'
      ? failed('package', tree.cause, tree.reason)
      : await fetchAll(run, top, { tools, tree })
  if (fetched.kind === 'done') return done(supplyOf(tools, fetched.value))
  if (isDeclared) return fetched
  // Rust may be a part of it that wheels are built without
  await context.log.line(`its crates are not there: ${fetched.failure.reason}`)
  return done(supplyOf(tools, []))
}

/** Of a package that does not say so itself, a manifest somewhere inside is no reason to fetch anything; a lock file is. */
function plainly(tree: CargoTree, isDeclared: boolean): CargoTree {
  if (isDeclared || tree.kind === 'refused') return tree
  const workspaces = tree.workspaces.filter(({ folder, lock }) => folder === '' || lock !== undefined)
  return { kind: 'found', workspaces }
}

async function readTree(tree: string): Promise<CargoTree> {
  return readCargoTree(tree).catch((error: unknown) => ({
    kind: 'refused',
    cause: 'bad-cargo-file',
    reason: `its Cargo files cannot be read: ${messageOf(error)}`
  }))
}

function withoutRust(reason: string, cure: string): Step<never> {
  const text = `it is built with Rust, and there is none for builds: ${reason}; ${cure}`
  return {
    kind: 'failed',
    failure: {
      class: 'missing-dependency',
      cause: 'missing-rust',
      reason: text.slice(0, 400),
      missing: 'cargo'
    }
  }
}

function supplyOf(tools: RustTools, locks: readonly string[]): RustSupply {
  return {
    lines: [tools.rustc, ...locks],
    env: {
      CARGO_HOME: INSIDE.cargoHome,
      PATH: tools.readOnly.length === 0 ? BUILD_PATH : `${tools.bin}:${BUILD_PATH}`
    },
    readOnly: tools.readOnly
  }
}

interface Fetching {
  readonly tools: RustTools
  readonly tree: CargoTree & { readonly kind: 'found' }
}

/** Gives a line for each lock file. */
async function fetchAll(
  run: BuildRun,
  top: string,
  { tools, tree }: Fetching
): Promise<Step<readonly string[]>> {
  const { context, options } = run
  if (tree.workspaces.length === 0) return done([])
  const home = join(context.work.fetch, 'cargo')
  await mkdir(home, { mode: 0o700 })
  const config = await readCargoConfig(options.machine)
  await writeFile(join(home, 'config.toml'), config)
  const cache = new CrateCache(join(context.host.place.root, 'crates'))
  const key = sha256Hex(`${tools.cargo}\n${config}`)
  const seeded = await cache.seed(
    home,
    key,
    tree.workspaces.flatMap(({ crates }) => crates)
  )
  if (seeded > 0) await context.log.line(`${seeded} crates are here already`)
  await giveToBuilds(home, context.host.user)
  const locks: CargoWorkspace[] = []
  for (const workspace of tree.workspaces) {
    const fetched = await fetchWorkspace(run, top, { tools, workspace })
    if (fetched.kind === 'failed') return fetched
    locks.push(fetched.value)
  }
  await cache.keep(
    home,
    key,
    locks.flatMap(({ crates }) => crates)
  )
  await rename(home, join(context.work.build, 'cargo'))
  return done(
    locks.map(({ folder, lock }) =>
      `${join(folder, 'Cargo.lock')} sha256:${sha256Hex(lock ?? '')}`.slice(-MAX_LINE_CHARS)
    )
  )
}

/** What a line of a result holds (docs/protocol/records.md). */
const MAX_LINE_CHARS = 400

interface OneWorkspace {
  readonly tools: RustTools
  readonly workspace: CargoWorkspace
}

/** With its lock file as it is; when there is none that fits, cargo makes one, and the build gets that. */
async function fetchWorkspace(run: BuildRun, top: string, one: OneWorkspace): Promise<Step<CargoWorkspace>> {
  const { workspace } = one
  if (workspace.lock !== undefined) {
    const host = join(run.context.work.build, 'src', top)
    const outcome = await runCargo(run, one, {
      root: INSIDE.sourceToRead,
      locked: true,
      readOnly: [{ host, inside: INSIDE.sourceToRead }]
    })
    if (!STALE_LOCK.test(outcome.text) || outcome.ending.kind !== 'exited') return judged(outcome, workspace)
    await run.context.log.line('its lock file does not fit its manifests: another one is made')
  }
  return lockAndFetch(run, top, one)
}

async function lockAndFetch(run: BuildRun, top: string, one: OneWorkspace): Promise<Step<CargoWorkspace>> {
  const { context } = run
  const { folder } = one.workspace
  const tree = join(context.work.build, 'src', top)
  const copy = join(context.work.fetch, COPY)
  await copyTree(tree, copy)
  await giveToBuilds(copy, context.host.user)
  const outcome = await runCargo(run, one, { root: `${INSIDE.work}/${COPY}`, locked: false, readOnly: [] })
  const lock = await readLock(copy, folder)
  await rm(copy, { recursive: true, force: true })
  const sources = lockedCrates(lock ?? '')
  const workspace = judged(outcome, { folder, lock, crates: sources.kind === 'plain' ? sources.crates : [] })
  if (workspace.kind === 'failed' || lock === undefined) return workspace
  if (sources.kind === 'refused') return failed('package', sources.cause, sources.reason)
  const path = join(tree, folder, 'Cargo.lock')
  await rm(path, { force: true })
  await writeFile(path, lock, { flag: 'wx' })
  await giveToBuilds(path, context.host.user)
  return workspace
}

async function copyTree(from: string, to: string): Promise<void> {
  const { code, stderr } = await runTool('cp', ['-a', '--reflink=auto', '--', from, to])
  if (code !== 0) throw new Error(`could not copy the source tree: ${stderr}`)
}

interface CargoCall {
  /** Of the source tree, as the sandbox sees it. */
  readonly root: string
  readonly locked: boolean
  readonly readOnly: readonly Bind[]
}

async function runCargo(
  run: BuildRun,
  { tools, workspace }: OneWorkspace,
  call: CargoCall
): Promise<InsideOutcome> {
  const env = fetchEnvironment(run.options.machine)
  const manifest = join(call.root, workspace.folder, 'Cargo.toml')
  return runInside(run.context, {
    command: [
      `${tools.bin}/cargo`,
      'fetch',
      ...(call.locked ? ['--locked'] : []),
      '--manifest-path',
      manifest
    ],
    env: {
      ...env,
      CARGO_HOME: INSIDE.cargoHome,
      RUSTC: `${tools.bin}/rustc`,
      CARGO_TERM_PROGRESS_WHEN: 'never',
      CARGO_NET_RETRY: '2'
    },
    work: run.context.work.fetch,
    readOnly: [
      ...tools.readOnly,
      ...call.readOnly,
      ...fetchPaths(env)
        .filter((path) => existsSync(path))
        .map((path) => ({ host: path, inside: path }))
    ],
    network: true
  })
}

function judged(outcome: InsideOutcome, workspace: CargoWorkspace): Step<CargoWorkspace> {
  const failure = failureOf('requirements', outcome)
  return failure === undefined ? done(workspace) : { kind: 'failed', failure }
}
