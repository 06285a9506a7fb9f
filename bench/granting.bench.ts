/*
 * One coordinator's desk before a queue of 1,000,000 jobs: requests from 1,000 builders, each noted by five witnesses and told, while
 * results take finished jobs out of the queue. And what a node costs that has nothing to do. Run: npx tsx bench/granting.bench.ts [JOBS]
 */
import { viewHash, type CoordinationMessage, type View } from '../src/core/coordination.ts'
import { normalizeName } from '../src/core/distribution.ts'
import type { Fence } from '../src/core/fence.ts'
import type { JobId, NodeId, TargetId } from '../src/core/ids.ts'
import { MAX_SLICES } from '../src/core/limits.ts'
import { sliceIndex } from '../src/core/shard.ts'
import { Claims } from '../src/scheduler/claims.ts'
import { Coordination } from '../src/scheduler/coordination.ts'
import { Granting } from '../src/scheduler/granting.ts'
import { JobQueue, type Queued } from '../src/scheduler/job-queue.ts'
import { Troubles } from '../src/scheduler/troubles.ts'
import { WaitPath } from '../src/scheduler/wait-path.ts'
import { WorkDesk } from '../src/scheduler/work-desk.ts'
import { seededRandom } from '../test/support/seeded-random.ts'
import { silentLog } from '../test/support/test-ports.ts'

const JOBS = Number(process.argv[2] ?? 1_000_000)
const BUILDERS = 1_000
const ROUNDS = 9
const GRANTS = 2_000
const TARGET = 'cp311-linux_armv7l-glibc2.36' as TargetId
const CAPACITY = { memoryBytes: 2 ** 31, diskBytes: 2 ** 32, wallMs: 10_800_000 }
const nodes = (count: number, name = 'builder'): readonly NodeId[] =>
  Array.from(
    { length: count },
    (_, i) => `12D3KooW${name}${String(i).padStart(43 - name.length, 'x')}` as NodeId
  )

interface BenchJob extends Queued {
  readonly id: JobId
}

function aQueue(): { readonly queue: JobQueue; readonly jobs: ReadonlyMap<JobId, BenchJob> } {
  const queue = new JobQueue()
  const jobs = new Map<JobId, BenchJob>()
  for (let n = 0; n < JOBS; n++) {
    const id = `some-project-${n}==1.${n % 10}.0@${TARGET}` as JobId
    const place = {
      urgency: { rank: 6, sinceMs: 1 },
      position: 0,
      project: normalizeName(`some-project-${n}`)
    }
    const job: BenchJob = {
      ...place,
      version: `1.${n % 10}.0`,
      id,
      slice: sliceIndex(id, MAX_SLICES),
      queuedIn: undefined
    }
    jobs.set(id, job)
    queue.add(job, WaitPath.nothing)
  }
  return { queue, jobs }
}

/** Grants a second, each from the request to the message to the builder, and the result that ends an older one. */
function grantsPerSecond(slices: number): readonly number[] {
  const { queue, jobs } = aQueue()
  const [me, ...others] = nodes(5, 'witness') as [NodeId, ...NodeId[]]
  const view: View = { epoch: 3, witnesses: [me, ...others] }
  const fence: Fence = { epoch: 3, view: '0123456789abcdef', term: 7, holder: me }
  const claims = new Claims()
  const working: JobId[] = []
  let [nowMs, granted] = [0, 0]
  const slice = { index: 0, count: slices }
  const desk: Granting = new Granting({
    shard: TARGET,
    self: me,
    claims,
    troubles: new Troubles(),
    authority: () => ({ fence, view }),
    holder: () => me,
    isOurs: () => true,
    *openJobs() {
      for (const { id } of queue.take(nowMs, { isServed: () => true, slice })) yield id
    },
    isUnfinished: (id) => jobs.get(id)?.queuedIn !== undefined,
    fits: (id) => jobs.has(id),
    failedOn: () => undefined,
    hasOtherBuilder: () => true,
    nodes: () => 20,
    hasResult: () => false,
    lacks: () => undefined,
    send(to: NodeId, message: CoordinationMessage) {
      if (message.kind === 'note-claim') desk.onNoted(to, { ...message, kind: 'claim-noted' }, nowMs)
      else if (message.kind === 'grant') {
        granted++
        working.push(message.claim.job)
      }
    },
    gossip: () => undefined
  })
  const builders = nodes(BUILDERS / slices)
  let nonce = 0
  const grant = (): void => {
    const from = builders[nonce % builders.length]!
    desk.onRequest(
      from,
      { kind: 'request', shard: TARGET, nonce: ++nonce, boot: 1, running: [], capacity: CAPACITY },
      nowMs
    )
    nowMs += 0.2
    if (working.length <= builders.length) return
    const done = working.shift()!
    claims.finish(done)
    queue.remove(jobs.get(done)!)
    if (nonce % 1_000 === 0) desk.tick(nowMs)
  }
  for (let n = 0; n < 2 * BUILDERS; n++) grant()
  return Array.from({ length: ROUNDS }, () => {
    const before = granted
    const began = performance.now()
    for (let n = 0; n < GRANTS; n++) grant()
    if (granted - before !== GRANTS) throw new Error('a request was not granted')
    return (GRANTS * 1_000) / (performance.now() - began)
  })
}

/** Microseconds of a tick of a node in a mesh of 1,000, with 3 targets of 16 slices, whose slots are free and whose queue is empty. */
async function idleTicks(): Promise<{
  readonly coordination: readonly number[]
  readonly desk: readonly number[]
}> {
  const clock = {
    nowMs: 1_000,
    monotonicMs: () => clock.nowMs,
    wallMs: () => clock.nowMs,
    sleep: async () => undefined
  }
  const members = nodes(1_000)
  const [self] = members as [NodeId]
  const board = {
    *openJobs() {},
    fits: () => true,
    failedOn: () => undefined,
    get: () => undefined,
    onChange: () => undefined
  }
  const coordination = new Coordination(
    {
      clock,
      board,
      log: silentLog,
      witnesses: { load: async () => undefined, save: async () => undefined },
      connected: () => members.slice(1, 20),
      isMember: () => true,
      wasAdmitted: () => true,
      buildersOf: () => members,
      send: () => undefined,
      gossip: () => undefined,
      entryCount: () => 0,
      hasResult: () => false,
      lacks: () => undefined
    },
    { self, roots: [members[1]!], boot: 1 }
  )
  const targets = ['cp39', 'cp311', 'cp313'].map((python) => `${python}-linux_armv7l-glibc2.36` as TargetId)
  const parts = { clock, board, log: silentLog, random: seededRandom(1), coordinators: coordination }
  const desk = new WorkDesk(
    {
      ...parts,
      builder: { build: async () => never() },
      publish: async () => undefined,
      capacity: () => CAPACITY
    },
    { self, boot: 1, targets, slots: 1 }
  )
  coordination.attach(desk, desk)
  coordination.open('upstream')
  for (const target of targets) coordination.open(target)
  await new Promise((resolve) => setImmediate(resolve))
  beatEverywhere(coordination, members[1]!)
  coordination.tick()
  const time = (tick: () => void): readonly number[] =>
    Array.from({ length: ROUNDS }, () => {
      const ticks = 20_000
      const began = performance.now()
      for (let n = 0; n < ticks; n++) {
        // A thousandth of a tick's time: nothing becomes due, as in nearly every tick.
        clock.nowMs += 0.000_25
        tick()
      }
      return ((performance.now() - began) * 1_000) / ticks
    })
  return { coordination: time(coordination.tick.bind(coordination)), desk: time(desk.tick.bind(desk)) }
}

function beatEverywhere(coordination: Coordination, holder: NodeId): void {
  for (const { id } of coordination.shards())
    coordination.receive(
      holder,
      {
        kind: 'beat',
        shard: id,
        fence: { epoch: 0, view: viewHash({ epoch: 0, witnesses: [holder] }), term: 1, holder },
        witnesses: [holder],
        seq: 1
      },
      true
    )
}

function never(): never {
  throw new Error('nothing is built here')
}

function row(what: string, values: readonly number[], unit: string): void {
  const sorted = [...values].sort((a, b) => a - b)
  const shown = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
    (sorted[at] ?? 0).toFixed(sorted[0]! < 100 ? 2 : 0)
  )
  console.log(`| ${what.padEnd(58)} | ${shown.map((one) => one.padStart(8)).join(' | ')} | ${unit} |`)
}

console.log(`${JOBS} jobs queued, ${BUILDERS} builders, ${ROUNDS} rounds of ${GRANTS} grants\n`)
console.log(`| ${'what'.padEnd(58)} |      min |   median |      max | unit |`)
console.log(`|${'-'.repeat(60)}|----------|----------|----------|------|`)
row('grants of one coordinator, whole target', grantsPerSecond(1), '/s')
row('grants of one coordinator, one of 16 slices', grantsPerSecond(16), '/s')
const idle = await idleTicks()
row('idle tick of coordination, 49 shards', idle.coordination, 'us')
row('idle tick of the work desk', idle.desk, 'us')
