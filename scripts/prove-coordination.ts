import { parseArgs } from 'node:util'
import type { NetworkKind } from './prove-coordination/mesh-network.ts'
import { proveCoordination } from './prove-coordination/prove.ts'
import { proofLines } from './prove-coordination/tell.ts'

/*
 * Eight real nodes with a fake builder work through 300 jobs while their coordinator is killed, paused and stopped, and while
 * they are cut into two halves. Tells how often each job was built, how long each fail-over took, and which results were lost;
 * exits with 1 if a promise of docs/protocol/coordination.md was broken. `npm run prove:coordination [-- --nodes 8 --jobs 300
 * --build-ms 3000-7000 --network namespaces|proxies --json]`
 */

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '8' },
    jobs: { type: 'string', default: '300' },
    'build-ms': { type: 'string', default: '3000-7000' },
    network: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})

const started = performance.now()
/** With --json the report alone goes to standard output. */
function say(text: string): void {
  console.error(`[${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}`)
}

// Leaving by `exit` ends the nodes and takes the namespaces away.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const proof = await proveCoordination({
  nodes: wholeOf('nodes', values.nodes, 4),
  jobs: wholeOf('jobs', values.jobs, 1),
  buildMs: values['build-ms'],
  times: { awayMs: 5_000, pausedMs: 20_000, cutMs: 60_000, calmMs: 5_000 },
  say,
  ...(values.network === undefined ? {} : { network: networkOf(values.network) })
})
console.log(values.json ? JSON.stringify(proof, null, 2) : `\n${proofLines(proof).join('\n')}`)
process.exitCode = proof.violations.length === 0 ? 0 : 1

function wholeOf(name: string, text: string, min: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > 1_000)
    throw new TypeError(`--${name}: a number from ${min}`)
  return value
}

function networkOf(text: string): NetworkKind {
  if (text === 'namespaces' || text === 'proxies') return text
  throw new TypeError('--network: namespaces or proxies')
}
