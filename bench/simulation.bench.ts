/*
 * Events a second on one core: whole nodes, 20 seeds in a row, on one thread. Processor time of the process, so that other programs do
 * not matter much; the median of the rounds. The first round warms up and does not count.
 * Run: npx tsx bench/simulation.bench.ts [ROUNDS] [SEEDS]
 */
import '../src/node/polyfills.ts'
import { runSeed } from '../src/simulation/run-seed.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const SEEDS = Number(process.argv[3] ?? 20)

interface Round {
  readonly events: number
  readonly cpuMs: number
  readonly heapMiB: number
}

async function round(): Promise<Round> {
  const before = process.cpuUsage()
  let events = 0
  for (let seed = 1; seed <= SEEDS; seed++) events += (await runSeed(seed)).events
  const { user, system } = process.cpuUsage(before)
  return { events, cpuMs: (user + system) / 1_000, heapMiB: process.memoryUsage().heapUsed / 1024 ** 2 }
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

await round()
const rounds: Round[] = []
for (let at = 1; at <= ROUNDS; at++) {
  const one = await round()
  rounds.push(one)
  const { events, cpuMs, heapMiB } = one
  console.log(
    `round ${at}: ${events} events in ${Math.round(cpuMs)} ms of CPU: ${Math.round((events * 1_000) / cpuMs)}/s, heap ${Math.round(heapMiB)} MiB`
  )
}
const rate = medianOf(rounds.map(({ events, cpuMs }) => (events * 1_000) / cpuMs))
const cost = medianOf(rounds.map(({ cpuMs }) => cpuMs / SEEDS))
console.log(
  `${SEEDS} seeds: ${Math.round(rate)} events/s a core, ${Math.round(cost)} ms of CPU a seed (median of ${ROUNDS})`
)
