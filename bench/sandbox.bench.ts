import { spawn } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { giveToBuilds, makeWorkFolder, prepareBuildPlace, removeTree } from '../src/build/build-place.ts'
import { dropPrefix, findBuildUser } from '../src/build/build-user.ts'
import { capture, type SandboxHost } from '../src/build/capture.ts'
import { readHostFacts } from '../src/build/host-facts.ts'
import type { Interpreter } from '../src/build/probe-interpreter.ts'
import { bwrapArguments, INSIDE, SECCOMP_FD } from '../src/build/sandbox.ts'
import { buildEnvironment } from '../src/build/sandbox-env.ts'
import { seccompFilter } from '../src/build/seccomp.ts'
import { unpackSdist } from '../src/build/unpack-sdist.ts'
import { fixtureSdist } from '../test/fixtures/sdists.ts'
import { realClock } from '../test/support/real-clock.ts'
import { findTestInterpreter } from '../test/support/test-interpreter.ts'

/**
 * What the sandbox costs: the same command bare (as the build user) and inside, one after the other so that other load on
 * the machine hits both alike. Usage: npx tsx bench/sandbox.bench.ts [runs]
 */
const RUNS = Number(process.argv[2] ?? 15)
const ENV = buildEnvironment(1_704_067_200, 1)

interface Sample {
  readonly wallMs: number
  readonly cpuMs: number
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cw-bench-'))
  const user = await findBuildUser('commonwheel-build')
  const host = { user, place: await prepareBuildPlace(dataDir, user), clock: realClock }
  try {
    const interpreter = await findTestInterpreter(host)
    await measureTrue(host)
    await measurePip(host, interpreter)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function measureTrue(host: SandboxHost): Promise<void> {
  const work = await makeWorkFolder(host.place, host.user)
  const plan = await planFor(host, work.build, [], ['true'])
  const rows = await alternate(RUNS * 4, {
    'true, bare': async () => ({ ...(await timed([...dropPrefix(host.user), 'true'])), cpuMs: Number.NaN }),
    'true, in the sandbox': async () => ({
      ...(await timed([...dropPrefix(host.user), 'bwrap', ...plan])),
      cpuMs: Number.NaN
    }),
    'true, with its folders, log and watcher': async () => {
      const startMs = performance.now()
      await capture(host, ['true'])
      return { wallMs: performance.now() - startMs, cpuMs: Number.NaN }
    }
  })
  await removeTree(work.path)
  print(rows)
}

async function measurePip(host: SandboxHost, interpreter: Interpreter): Promise<void> {
  const sdist = await fixtureSdist('compiled', { name: 'bench-compiled' })
  const work = await makeWorkFolder(host.place, host.user)
  const archive = join(work.own, sdist.filename)
  await writeFile(archive, sdist.bytes)
  const source = join(work.build, 'src')
  const unpacked = await unpackSdist(archive, source, { maxBytes: 1e7, maxMembers: 100 })
  if (unpacked.kind === 'failed') throw new Error(unpacked.failure.reason)
  const bare = join(work.path, 'bare')
  await cp(work.build, bare, { recursive: true })
  await giveToBuilds(bare, host.user)
  await giveToBuilds(work.build, host.user)
  const { top } = unpacked.value
  // The shell that adds up the CPU time stands inside: bwrap does not wait for what it starts.
  const inside = withTimes(pipCommand(INSIDE.tools, INSIDE.work, top))
  const plan = await planFor(host, work.build, interpreter.readOnly, inside)
  const env = { ...ENV, HOME: `${bare}/home`, TMPDIR: `${bare}/tmp`, PATH: '/usr/bin:/bin' }
  const rows = await alternate(RUNS, {
    'pip wheel of a C extension, bare': async () =>
      timed(withTimes([...dropPrefix(host.user), ...pipCommand(interpreter.tools, bare, top)]), env),
    'pip wheel of a C extension, in the sandbox': async () =>
      timed([...dropPrefix(host.user), 'bwrap', ...plan])
  })
  await removeTree(work.path)
  print(rows)
}

function pipCommand(tools: string, work: string, top: string): readonly string[] {
  return [
    ...[
      `${tools}/bin/python`,
      '-I',
      '-m',
      'pip',
      'wheel',
      '--quiet',
      '--no-deps',
      '--no-index',
      '--use-pep517'
    ],
    ...[`--wheel-dir=${work}/out`, `${work}/src/${top}`]
  ]
}

async function planFor(
  host: SandboxHost,
  work: string,
  readOnly: Interpreter['readOnly'],
  command: readonly string[]
): Promise<readonly string[]> {
  const facts = await readHostFacts()
  const plan = {
    facts,
    etcFolder: host.place.etc,
    work,
    readOnly,
    network: false,
    env: ENV,
    cwd: INSIDE.work,
    command
  }
  return bwrapArguments(plan)
}

/** Runs each in turn, again and again, and gives the samples of each. */
async function alternate(
  runs: number,
  subjects: Readonly<Record<string, () => Promise<Sample>>>
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map(Object.keys(subjects).map((name) => [name, [] as Sample[]]))
  for (let run = 0; run < runs; run++) {
    for (const [name, subject] of Object.entries(subjects)) samples.get(name)?.push(await subject())
  }
  return samples
}

/** A shell adds up the CPU time of its children, which Node cannot tell. */
function withTimes(command: readonly string[]): readonly string[] {
  return ['bash', '-c', '"$@" || exit; times', 'bash', ...command]
}

async function timed(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {}
): Promise<Sample> {
  const startMs = performance.now()
  const [program = '', ...words] = command
  const child = spawn(program, words, {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe']
  })
  const filter = child.stdio[SECCOMP_FD] as Writable
  filter.on('error', () => undefined)
  filter.end(seccompFilter())
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}`)
  return { wallMs: performance.now() - startMs, cpuMs: childrenMs(output) }
}

function childrenMs(output: string): number {
  const last = output.trim().split('\n').at(-1) ?? ''
  const parts = [...last.matchAll(/(\d+)m([\d.]+)s/g)]
  return parts.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1_000,
    0
  )
}

function print(rows: ReadonlyMap<string, readonly Sample[]>): void {
  for (const [name, samples] of rows) {
    const wall = median(samples.map(({ wallMs }) => wallMs))
    const cpu = median(samples.map(({ cpuMs }) => cpuMs))
    const shownCpu = Number.isNaN(cpu) ? '' : `, CPU ${cpu.toFixed(0)} ms`
    console.log(
      `${name.padEnd(46)} wall ${wall.toFixed(1).padStart(8)} ms${shownCpu}  (median of ${samples.length})`
    )
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

await main()
