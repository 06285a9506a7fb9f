import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { NetworkKind } from './prove-coordination/mesh-network.ts'
import { proveRecovery } from './prove-recovery/prove.ts'
import { recoveryLines } from './prove-recovery/tell.ts'

/*
 * Five real nodes with a fake builder work through some dozens of jobs; then, all at once, two of them are wiped, one gets an old
 * copy of its data folder, and one has random bytes flipped in its database and blobs. All start again. Tells how long it took
 * until all served the same index, every file, and had all copies; exits with 1 if something was lost: docs/recovery.md.
 * `npm run prove:recovery [-- --projects 9 --copies 3 --seed 7 --flips-database 6 --flips-blobs 6 --network namespaces|proxies
 * --logs FILE --json]`. The seed draws who suffers what and which bytes are flipped; keys of nodes, and so where blobs lie, are new each time.
 */

const { values } = parseArgs({
  options: {
    projects: { type: 'string', default: '9' },
    copies: { type: 'string', default: '3' },
    'build-ms': { type: 'string', default: '200-800' },
    'wheel-kib': { type: 'string', default: '16-6000' },
    'flips-database': { type: 'string', default: '6' },
    'flips-blobs': { type: 'string', default: '6' },
    seed: { type: 'string' },
    network: { type: 'string' },
    logs: { type: 'string' },
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

const seed = values.seed === undefined ? randomInt(1_000_000) : wholeOf('seed', values.seed, 0)
say(`seed ${seed}: --seed ${seed} draws the same again`)
const proof = await proveRecovery({
  projects: wholeOf('projects', values.projects, 1),
  copies: wholeOf('copies', values.copies, 1),
  buildMs: values['build-ms'],
  wheelKiB: values['wheel-kib'],
  flips: {
    database: wholeOf('flips-database', values['flips-database'], 0),
    blobs: wholeOf('flips-blobs', values['flips-blobs'], 0)
  },
  seed,
  say,
  onLogs: (logs) => {
    if (values.logs !== undefined) writeFileSync(values.logs, logs)
  },
  ...(values.network === undefined ? {} : { network: networkOf(values.network) })
})
console.log(values.json ? JSON.stringify(proof, null, 2) : `\n${recoveryLines(proof).join('\n')}`)
process.exitCode = proof.violations.length === 0 ? 0 : 1

function wholeOf(name: string, text: string, min: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min) throw new TypeError(`--${name}: a number from ${min}`)
  return value
}

function networkOf(text: string): NetworkKind {
  if (text === 'namespaces' || text === 'proxies') return text
  throw new TypeError('--network: namespaces or proxies')
}
