import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { PROMISE_MS, VIEW_CHANGE_SILENCE_MS } from '../../src/core/limits.ts'
import { FAKE_TARGET } from '../../test/support/fake-builder.ts'
import { startFixtureUpstream, type FixtureUpstream } from '../../test/support/fixture-upstream.ts'
import { indexBodies, jobsOf } from '../../test/support/mesh-views.ts'
import { createYard, type Yard } from '../../test/support/node-yard.ts'
import { createMeshNetwork } from './create-mesh-network.ts'
import { gatherEvidence, type Evidence } from './evidence.ts'
import { FaultPlan, type Faults, type FaultTimes } from './faults.ts'
import { eventually, Fleet } from './fleet.ts'
import { judge, type Cut, type Verdict } from './judge.ts'
import type { MeshNetwork, NetworkKind } from './mesh-network.ts'

export interface ProofOptions {
  readonly nodes: number
  readonly jobs: number
  /** `MIN-MAX`: how long a fake build takes. */
  readonly buildMs: string
  readonly times: FaultTimes
  readonly network?: NetworkKind
  readonly say: (text: string) => void
}

/** What one run showed; `violations` is empty exactly when all promises were kept. */
export interface Proof extends Verdict {
  readonly network: NetworkKind
  readonly nodes: number
  readonly jobs: number
  readonly wallMs: number
  readonly signed: number
  readonly lost: readonly string[]
  readonly unsignedAtDeath: readonly string[]
  /** From the healing of the cut until all nodes named one coordinator. */
  readonly mergeMs: number
  readonly begunInHalves: readonly [number, number]
  /** Index bodies compared over all nodes, and paths whose bodies differ. */
  readonly index: { readonly bodies: number; readonly different: readonly string[] }
}

const VERSIONS_PER_PROJECT = 5
const CONNECTED_SECONDS = 180
/** For the slowest build and the longest wait that the protocol knows (a silent builder's claim), many times over. */
const ALL_ENDED_SECONDS = 900
const SAME_INDEX_SECONDS = 90
const SAMPLE_MS = 3_000
const ENDED = new Set(['built', 'failed'])

/** Runs a mesh of real processes through all faults, and leaves nothing of it behind. */
export async function proveCoordination(options: ProofOptions): Promise<Proof> {
  const network = await createMeshNetwork(options.nodes, options.network)
  const upstream = await startFixtureUpstream({ host: network.upstreamHost })
  const yard = await createYard({ pythons: [], upstream: upstream.url })
  // The nodes themselves are ended by test/support/spawn-node.ts, before this.
  process.once('exit', () => {
    rmSync(yard.folder, { recursive: true, force: true })
  })
  try {
    return await withMesh(options, { network, upstream, yard })
  } catch (error) {
    options.say(yard.logs())
    throw error
  } finally {
    await yard.close()
    await upstream.close()
    network.close()
  }
}

interface Ground {
  readonly network: MeshNetwork
  readonly upstream: FixtureUpstream
  readonly yard: Yard
}

async function withMesh(options: ProofOptions, { network, upstream, yard }: Ground): Promise<Proof> {
  const { nodes, jobs, buildMs, times, say } = options
  const startMs = performance.now()
  const fleet = new Fleet(yard, network, { nodes, buildMs, upstream: upstream.url })
  say(`${nodes} nodes start, with ${network.kind} between them`)
  await fleet.start()
  await eventually('all connected', CONNECTED_SECONDS, () => fleet.isConnected())
  const projects = publish(upstream, jobs)
  const { code, stderr } = await fleet.nodes[0]!.command('want', ...projects.map((name) => `${name}>=0`))
  if (code !== 0) throw new Error(`want: ${stderr}`)
  await eventually('builds begin', CONNECTED_SECONDS, async () => fleet.events().length >= nodes)
  say(`${jobs} jobs are wanted, and builds begin`)
  const sampler = new Sampler(fleet, options)
  const faults = await new FaultPlan(fleet, network, { times, say, jobs }).run()
  await eventually('all jobs ended on all nodes', ALL_ENDED_SECONDS, () => allEnded(fleet, jobs))
  say('all jobs have ended on all nodes')
  const index = await compareIndex(fleet, projects)
  const seen = await sampler.stop()
  await Promise.all(fleet.nodes.map((node) => node.stop('SIGTERM')))
  const evidence = await gatherEvidence(fleet, { seen, losses: faults.losses })
  const basics = {
    network: network.kind,
    nodes,
    jobs,
    wallMs: Math.round(performance.now() - startMs),
    index
  }
  return conclude(basics, evidence, faults)
}

function conclude(
  basics: Pick<Proof, 'network' | 'nodes' | 'jobs' | 'wallMs' | 'index'>,
  { runs, signed, lost, unsignedAtDeath }: Evidence,
  { losses, cut, begunInHalves }: Faults
): Proof {
  const verdict = judge({ runs, losses, cut })
  const violations = [
    ...verdict.violations,
    ...lost.map((one) => `lost: ${one}`),
    ...basics.index.different.map((path) => `the nodes serve different bodies of ${path}`),
    ...idleHalves(begunInHalves, cut)
  ]
  const { mergedMs, healedMs } = cut
  return {
    ...basics,
    ...verdict,
    signed,
    lost,
    unsignedAtDeath,
    mergeMs: mergedMs - healedMs,
    begunInHalves,
    violations
  }
}

/** A half without its coordinator goes on after the silence that a new view needs, and an election. */
const GOES_ON_MS = VIEW_CHANGE_SILENCE_MS + 2 * PROMISE_MS

/** A cut that is long enough, and in which a half built nothing all the same. */
function idleHalves(begun: readonly [number, number], { fromMs, healedMs }: Cut): readonly string[] {
  if (healedMs - fromMs < GOES_ON_MS) return []
  return begun.flatMap((count, half) =>
    count === 0 ? [`half ${half} began no build in a cut of ${Math.round((healedMs - fromMs) / 1000)} s`] : []
  )
}

/** Projects of five versions each, so that there are that many jobs. */
function publish(upstream: FixtureUpstream, jobs: number): readonly string[] {
  const projects = new Set<string>()
  for (let at = 0; at < jobs; at++) {
    const project = `prove-${String(Math.floor(at / VERSIONS_PER_PROJECT)).padStart(3, '0')}`
    const version = `1.${at % VERSIONS_PER_PROJECT}`
    const filename = `${project.replace('-', '_')}-${version}.tar.gz`
    upstream.publish(project, { filename, bytes: Buffer.from(`the source of ${project} ${version}`) })
    projects.add(project)
  }
  return [...projects]
}

async function allEnded(fleet: Fleet, jobs: number): Promise<boolean> {
  for (const node of fleet.nodes) {
    const rows = (await jobsOf(node)).filter(({ target }) => target === FAKE_TARGET.id)
    if (rows.filter(({ state }) => ENDED.has(state)).length < jobs) return false
  }
  return true
}

/** All bodies of the index on all nodes; sync has some time to bring the last records. */
async function compareIndex(fleet: Fleet, projects: readonly string[]): Promise<Proof['index']> {
  const endMs = performance.now() + SAME_INDEX_SECONDS * 1000
  for (;;) {
    const [first = {}, ...others] = await Promise.all(fleet.nodes.map((node) => indexBodies(node, projects)))
    const different = Object.keys(first).filter((path) =>
      others.some((bodies) => bodies[path] !== first[path])
    )
    if (different.length === 0 || performance.now() > endMs)
      return { bodies: Object.keys(first).length, different }
    await sleep(SAMPLE_MS)
  }
}

/** Remembers every result that any node ever listed, and says how far the jobs are. */
class Sampler {
  readonly #seen = new Set<string>()
  readonly #ending = new AbortController()
  readonly #done: Promise<void>

  constructor(fleet: Fleet, options: ProofOptions) {
    this.#done = this.#run(fleet, options)
  }

  async stop(): Promise<ReadonlySet<string>> {
    this.#ending.abort()
    await this.#done
    return this.#seen
  }

  async #run(fleet: Fleet, { jobs, say }: ProofOptions): Promise<void> {
    let told = 0
    while (!this.#ending.signal.aborted) {
      for (const one of await fleet.results()) this.#seen.add(one)
      const quarter = Math.floor((this.#seen.size * 10) / jobs)
      if (quarter > told) say(`${this.#seen.size} results of ${jobs} jobs`)
      told = Math.max(told, quarter)
      await sleep(SAMPLE_MS, undefined, { signal: this.#ending.signal }).catch(() => undefined)
    }
  }
}
