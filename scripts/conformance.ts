import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PHASES, type BoundClient, type CheckResult, type Phase } from './conformance/client-check.ts'
import { openClients } from './conformance/clients.ts'
import { openMesh, type ConformanceMesh } from './conformance/mesh.ts'
import { conformanceLines, lineOf } from './conformance/tell.ts'

/*
 * Drives real clients against a mesh of three nodes whose upstream is on this machine: every pip that a Python here carries, older
 * and newer ones, uv and poetry from the index that pip uses here. Each check is a line; what a client cannot do is named with the
 * reason and counted as not run. Ends with `N passed, N failed`, exit code 1 if any failed. docs/clients.md tells what is asked.
 * `npm run conformance [-- --offline --only 'pip 24' --jobs 2 --json]`; --offline fetches no client from anywhere.
 */

const { values: options } = parseArgs({
  options: {
    offline: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false }
  }
})
const jobs = Number(options.jobs)
if (!Number.isInteger(jobs) || jobs < 1) {
  console.error('--jobs: how many clients at a time, at least 1')
  process.exit(2)
}

const started = performance.now()
function say(text: string): void {
  console.error(`[${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}`)
}

// Leaving by `exit` ends the nodes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const results: CheckResult[] = []
const mesh = await openMesh(say)
try {
  const { offline, only } = options
  const { bound, missing } = await openClients({
    mesh,
    folder: join(mesh.yard.folder, 'clients'),
    offline,
    only,
    say
  })
  if (bound.length === 0 && missing.length === 0) throw new Error(`no client is called ${only}`)
  for (const result of missing) tell(result)
  try {
    for (const phase of PHASES) await run(phase, bound)
  } finally {
    await Promise.all(bound.map(({ front }) => front.close()))
  }
} finally {
  await mesh.yard.close()
  await mesh.upstream.close()
}
console.log(options.json ? JSON.stringify(results, null, 2) : `\n${conformanceLines(results).join('\n')}`)
process.exitCode = results.some(({ outcome }) => outcome === 'failed') ? 1 : 0

async function run(phase: Phase, clients: readonly BoundClient[]): Promise<void> {
  say(`${phase}: ${clients.length} clients`)
  await enter(phase, mesh, clients)
  const waiting = [...clients]
  const work = async (): Promise<void> => {
    for (let client = waiting.shift(); client !== undefined; client = waiting.shift()) {
      await client.check(phase, tell)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
}

async function enter(
  phase: Phase,
  { alpha, beta, upstream }: ConformanceMesh,
  clients: readonly BoundClient[]
): Promise<void> {
  if (phase === 'alpha stopped') {
    await alpha.stop()
    for (const { front } of clients) front.lead(beta.url('/'))
  }
  if (phase === 'upstream gone') upstream.faults.down = true
}

function tell(result: CheckResult): void {
  results.push(result)
  say(lineOf(result))
}
