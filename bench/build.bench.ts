import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAptPackages } from '../src/build/apt-packages.ts'
import { giveToBuilds, makeWorkFolder, prepareBuildPlace, removeTree } from '../src/build/build-place.ts'
import { createBuildRunner } from '../src/build/build-runner.ts'
import { dropPrefix, findBuildUser } from '../src/build/build-user.ts'
import type { SandboxHost } from '../src/build/capture.ts'
import { createWheelInspector } from '../src/build/inspect-wheel.ts'
import type { Interpreter } from '../src/build/probe-interpreter.ts'
import { sha256Hex } from '../src/core/digest.ts'
import { parseProjectName } from '../src/core/distribution.ts'
import type { WheelBuilder } from '../src/core/ports.ts'
import { BACKEND } from '../test/fixtures/backend-code.ts'
import { KIND_CODE } from '../test/fixtures/backend-kinds.ts'
import { makeSdist } from '../test/fixtures/make-sdist.ts'
import { fixtureWheel, startWheelIndex } from '../test/fixtures/wheel-index.ts'
import { memoryBlobs } from '../test/support/memory-blobs.ts'
import { realClock } from '../test/support/real-clock.ts'
import { findTestInterpreter } from '../test/support/test-interpreter.ts'
import { silentLog } from '../test/support/test-ports.ts'
import { openCpuUse, type CpuUse } from './cpu-use.ts'

/**
 * What a build costs beside bare `pip wheel` of the same source with the same requirement at hand, as the same user: one after the
 * other, so that other load on the machine hits both alike. CPU is that of all processes, this one too.
 * Usage: npm run bench:build [-- [RUNS] [--json]]
 */
const args = process.argv.slice(2)
const RUNS = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 7)
const AS_JSON = args.includes('--json')
const REQUIREMENT = fixtureWheel('fixture-extra')
/** Enough C for some seconds of a compiler. */
const FUNCTIONS = 600

interface Sample {
  readonly wallMs: number
  readonly cpuMs: number
}

interface Subject {
  readonly name: string
  readonly filename: string
  readonly bytes: Uint8Array
}

interface Row {
  readonly subject: string
  readonly bare: Sample
  readonly cold: Sample
  readonly warm: Sample
  /** Of a warm build, beyond bare pip. */
  readonly overheadMs: number
  readonly overheadCpuPercent: number
}

interface Bench {
  readonly host: SandboxHost
  readonly interpreter: Interpreter
  readonly indexUrl: string
  readonly cpu: CpuUse | undefined
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cw-bench-build-'))
  const index = await startWheelIndex(['fixture-extra'])
  const cpu = await openCpuUse('commonwheel-bench')
  try {
    const user = await findBuildUser('commonwheel-build')
    const host = { user, place: await prepareBuildPlace(dataDir, user), clock: realClock }
    const bench = { host, interpreter: await findTestInterpreter(host), indexUrl: index.url, cpu }
    const rows: Row[] = []
    for (const subject of [await pureSubject(), await compiledSubject()]) {
      const row = await measure(bench, subject)
      print(row)
      rows.push(row)
    }
    if (cpu === undefined) console.log('CPU was not measured: this user may make no control group')
    if (AS_JSON) console.log(JSON.stringify({ runs: RUNS, rows }))
  } finally {
    await cpu?.close()
    await index.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function measure(bench: Bench, subject: Subject): Promise<Row> {
  const runs: Readonly<Record<'bare' | 'cold' | 'warm', Sample[]>> = { bare: [], cold: [], warm: [] }
  const runner = (): ((at: string) => Promise<void>) => buildBy(bench, runnerOf(bench, subject), subject)
  await runner()('warm-up')
  const warm = runner()
  await warm('first')
  for (let run = 0; run < RUNS; run++) {
    runs.bare.push(await bareSample(bench, subject))
    runs.warm.push(await timed(bench, () => warm(String(run))))
  }
  for (let run = 0; run < Math.ceil(RUNS / 3); run++) {
    await removeTree(bench.host.place.requirements)
    const cold = runner()
    runs.cold.push(await timed(bench, () => cold(String(run))))
  }
  const [bare, cold, hot] = [middle(runs.bare), middle(runs.cold), middle(runs.warm)]
  return {
    subject: subject.name,
    bare,
    cold,
    warm: hot,
    overheadMs: Math.round(hot.wallMs - bare.wallMs),
    overheadCpuPercent: Math.round((hot.cpuMs / bare.cpuMs - 1) * 1_000) / 10
  }
}

function runnerOf({ host, interpreter, indexUrl }: Bench, subject: Subject): WheelBuilder {
  const upstream = {
    project: async () => ({ kind: 'missing' as const }),
    async *download() {
      yield subject.bytes
    }
  }
  const inspectWheel = createWheelInspector(createAptPackages())
  return createBuildRunner(
    { host, upstream, blobs: memoryBlobs(), inspectWheel, log: silentLog },
    { interpreters: [interpreter], indexUrl: () => indexUrl, sandboxLevel: 2, machine: {} }
  )
}

function buildBy(
  { interpreter }: Bench,
  runner: WheelBuilder,
  { name, filename, bytes }: Subject
): (at: string) => Promise<void> {
  const sdist = { filename, sha256: sha256Hex(bytes) }
  const job = { project: parseProjectName(name), version: '1.0', target: interpreter.target.id, sdist }
  const told = { signal: new AbortController().signal, onPhase: () => undefined }
  return async () => {
    const { wheel, failure } = await runner.build({ job, sdistUrl: 'https://upstream.test/sdist' }, told)
    if (wheel === undefined) throw new Error(`${name} does not build: ${failure?.reason ?? ''}`)
  }
}

/** A user's own pip, as the build user, with the source archive and the wheel of the requirement beside it. */
async function bareSample(bench: Bench, { filename, bytes }: Subject): Promise<Sample> {
  const { host, interpreter } = bench
  const work = await makeWorkFolder(host.place, host.user)
  try {
    const folder = join(work.build, 'bare')
    await mkdir(folder)
    await writeFile(join(folder, filename), bytes)
    await writeFile(join(folder, REQUIREMENT.filename), REQUIREMENT.bytes)
    await giveToBuilds(folder, host.user)
    const pip = [`${interpreter.tools}/bin/python`, '-I', '-m', 'pip', 'wheel', '--use-pep517', '--verbose']
    const options = [
      '--no-deps',
      '--no-index',
      '--no-cache-dir',
      `--find-links=${folder}`,
      `--wheel-dir=${folder}/out`
    ]
    const limits = ['nice', '-n', '15', 'ionice', '-c3']
    const command = [...dropPrefix(host.user), ...limits, ...pip, ...options, join(folder, filename)]
    return await timed(bench, () => run(command, { HOME: folder, TMPDIR: join(work.build, 'tmp') }))
  } finally {
    await removeTree(work.path)
  }
}

async function run(command: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const [file = '', ...words] = command
  const child = spawn(file, words, { cwd: '/', stdio: 'ignore', env: { PATH: '/usr/bin:/bin', ...env } })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}`)
}

async function timed({ cpu }: Bench, work: () => Promise<void>): Promise<Sample> {
  const [startMs, startCpuMs] = [performance.now(), (await cpu?.ms()) ?? NaN]
  await work()
  return { wallMs: performance.now() - startMs, cpuMs: ((await cpu?.ms()) ?? NaN) - startCpuMs }
}

function middle(samples: readonly Sample[]): Sample {
  const of = (values: readonly number[]): number =>
    Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN)
  return { wallMs: of(samples.map(({ wallMs }) => wallMs)), cpuMs: of(samples.map(({ cpuMs }) => cpuMs)) }
}

function print({ subject, bare, cold, warm, overheadMs, overheadCpuPercent }: Row): void {
  console.log(`${subject} (medians of ${RUNS})`)
  for (const [name, { wallMs, cpuMs }] of Object.entries({ 'bare pip': bare, 'nothing cached': cold, warm }))
    console.log(
      `  ${name.padEnd(16)} wall ${String(wallMs).padStart(6)} ms, CPU ${String(cpuMs).padStart(6)} ms`
    )
  console.log(`  a warm build costs ${overheadMs} ms and ${overheadCpuPercent} % CPU more than bare pip`)
}

async function pureSubject(): Promise<Subject> {
  return subjectOf('bench-pure', '')
}

/** The C extension of the fixtures, with functions that keep the compiler busy. */
async function compiledSubject(): Promise<Subject> {
  const code = KIND_CODE.compiled.replace(
    'out.write(SOURCE)',
    `out.write(SOURCE)
        for number in range(${FUNCTIONS}):
            out.write(FILLER.replace(b"NUMBER", str(number).encode()))`
  )
  const filler = `FILLER = b'''
int work_NUMBER(int *a, int n) {
  int sum = NUMBER;
  for (int i = 0; i < n; i++) { sum += a[i] * (i ^ NUMBER); if (sum & 1) sum = sum / 3 + a[i]; else sum -= a[n - i - 1]; }
  for (int i = 1; i < n; i++) { a[i] = a[i - 1] ^ sum; sum += a[i] % 7; }
  return sum;
}
'''
`
  return subjectOf('bench-compiled', `${filler}${code}`)
}

async function subjectOf(name: string, code: string): Promise<Subject> {
  const module = name.replaceAll('-', '_')
  const top = `${module}-1.0`
  const head = `NAME = "${name}"\nVERSION = "1.0"\nMODULE = "${module}"\nCONFIG = {}\n`
  const pyproject =
    '[build-system]\nrequires = ["fixture-extra"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
  const bytes = await makeSdist({
    [`${top}/PKG-INFO`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    [`${top}/pyproject.toml`]: pyproject,
    [`${top}/backend.py`]: `${head}${BACKEND}\n${code}`
  })
  return { name, filename: `${top}.tar.gz`, bytes }
}

await main()
