import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { HTML, JSON_V1, type Built, startBare, startNginx, startNode, type Subject } from './index-servers.ts'
import { readAll } from './read-pages.ts'
import { load, type Answered, type Question, type Resident, residentMiB, untilQuiet } from './wrk.ts'

/**
 * A node's index beside the same bytes from nginx and from a bare node:http server, in one run: each server alone on one core, wrk on the
 * other, in turns. 5,000 projects and 50,000 files, some thousands of them wheels of the mesh: a real node on a real data folder.
 * What counts is CPU time per request, which other work on the machine disturbs least; figures are medians of the rounds.
 *
 *     npm run bench:index [-- --projects 5000 --seconds 4 --rounds 3 --json]         needs: apt install wrk nginx
 */
const { values: options } = parseArgs({
  options: {
    projects: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    program: { type: 'string', default: 'dist/cli/main.js' },
    json: { type: 'boolean', default: false }
  }
})
const CONNECTIONS = 16
const ROUNDS = Number(options.rounds)
const GOALS = { page: 0.6, unchanged: 0.6, file: 0.8, p99Ms: 5, residentMiB: 200 }
/** As installers ask: pip and uv both take gzip. */
const ASKED = { accept: JSON_V1, 'accept-encoding': 'gzip' }

type Scenario = 'page' | 'html' | 'unchanged' | 'file 64 KiB' | 'file 1 MiB'
const SCENARIOS: readonly Scenario[] = ['page', 'html', 'unchanged', 'file 64 KiB', 'file 1 MiB']

type Rounds = Map<string, Answered[]>

const folder = await mkdtemp(join(tmpdir(), 'index-bench-'))
const started: Subject[] = []
try {
  await main()
} finally {
  for (const subject of started) await subject.stop()
  await rm(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  say(`a node with ${options.projects} projects is made`)
  const { node, built } = await startNode({
    folder,
    projects: Number(options.projects),
    program: options.program.split(' ')
  })
  started.push(node)
  say(`started: ${told(await residentMiB(node.pids))}`)
  say('every page is asked for once')
  const first = await readAll(node, built.pages, ASKED)
  await readAll(node, built.pages, { accept: HTML, 'accept-encoding': 'gzip' })
  say(`all pages read: ${told(await residentMiB(node.pids))}`)
  const subjects = [node, await startBare(folder, first, built), await startNginx(folder, first, built)]
  started.push(...subjects.slice(1))
  await untilQuiet(node.pids)
  const rounds: Rounds = new Map()
  for (const scenario of SCENARIOS) {
    for (let round = -1; round < ROUNDS; round++) {
      for (const subject of subjects) await measure(subject, scenario, { built, rounds, isWarmUp: round < 0 })
    }
    say(`  ${scenario}: measured`)
  }
  const resident = await Promise.all(subjects.map(({ pids }) => residentMiB(pids)))
  report({ subjects, rounds, resident, firstPagesPerSecond: first.perSecond })
}

async function measure(
  subject: Subject,
  scenario: Scenario,
  { built, rounds, isWarmUp }: { readonly built: Built; readonly rounds: Rounds; readonly isWarmUp: boolean }
): Promise<void> {
  const questions = await questionsOf(subject, scenario, built)
  if (questions.length === 0) return
  const seconds = isWarmUp ? 1 : Number(options.seconds)
  const { port, pids } = subject
  const answered = await load({ port, pids, questions, seconds, connections: CONNECTIONS, folder })
  if (answered.failed > 0)
    throw new Error(`${subject.name}: ${answered.failed} answers to “${scenario}” were errors`)
  if (isWarmUp) return
  const key = keyOf(subject.name, scenario)
  rounds.set(key, [...(rounds.get(key) ?? []), answered])
}

async function questionsOf(subject: Subject, scenario: Scenario, built: Built): Promise<readonly Question[]> {
  if (scenario === 'file 64 KiB' || scenario === 'file 1 MiB') {
    return built.files[scenario].map((path) => ({ path, headers: {} }))
  }
  if (scenario === 'page') return built.pages.map((path) => ({ path, headers: ASKED }))
  if (scenario === 'html') {
    const headers = { accept: HTML, 'accept-encoding': 'gzip' }
    return subject.name === 'node' ? built.pages.map((path) => ({ path, headers })) : []
  }
  const etags = await subject.etags()
  return built.pages.map((path) => ({ path, headers: { ...ASKED, 'if-none-match': etags.get(path) ?? '' } }))
}

interface Outcome {
  readonly subjects: readonly Subject[]
  readonly rounds: Rounds
  readonly resident: readonly Resident[]
  readonly firstPagesPerSecond: number
}

function report({ subjects, rounds, resident, firstPagesPerSecond }: Outcome): void {
  const figure = (name: string, scenario: Scenario, of: keyof Answered): number =>
    median((rounds.get(keyOf(name, scenario)) ?? []).map((round) => round[of]))
  const rows = SCENARIOS.flatMap((scenario) =>
    subjects
      .filter(({ name }) => rounds.has(keyOf(name, scenario)))
      .map(({ name }) => ({
        scenario,
        server: name,
        perSecond: Math.round(figure(name, scenario, 'perSecond')),
        cpuMsPerRequest: round4(figure(name, scenario, 'cpuMsPerRequest')),
        p99Ms: round4(figure(name, scenario, 'p99Ms')),
        // Little's law: so long takes an answer on average while so many connections always wait for one. No p99 is below it.
        meanMs: round4((CONNECTIONS * 1_000) / figure(name, scenario, 'perSecond'))
      }))
  )
  const perCpuSecond = (scenario: Scenario): number =>
    round4(figure('bare', scenario, 'cpuMsPerRequest') / figure('node', scenario, 'cpuMsPerRequest'))
  const ratios = Object.fromEntries(
    SCENARIOS.filter((one) => one !== 'html').map((one) => [one, perCpuSecond(one)])
  )
  const residentMiBOf = Object.fromEntries(subjects.map(({ name }, at) => [name, resident[at]]))
  say(table(rows.map(Object.values) as string[][], Object.keys(rows[0] ?? {})))
  say(`node to bare node:http, answers per CPU second: ${JSON.stringify(ratios)}`)
  for (const [at, { name }] of subjects.entries()) say(`resident, ${name}: ${told(resident[at])}`)
  say(`pages made for the first time: ${Math.round(firstPagesPerSecond)}/s`)
  say(`goals: ${JSON.stringify(GOALS)}`)
  if (options.json) {
    const figures = {
      connections: CONNECTIONS,
      rounds: ROUNDS,
      goals: GOALS,
      rows,
      ratios,
      residentMiB: residentMiBOf
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
}

function told(resident: Resident | undefined): string {
  if (resident === undefined) return '?'
  const { all, own, ofFiles, peak } = resident
  return `${all} MiB (${own} its own, ${ofFiles} of files; at most ${peak})`
}

function table(rows: readonly (readonly unknown[])[], head: readonly string[]): string {
  const texts = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, at) => Math.max(...texts.map((row) => row[at]?.length ?? 0)))
  return texts.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).join('\n')
}

function keyOf(server: string, scenario: Scenario): string {
  return `${server} ${scenario}`
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function round4(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
