/*
 * The queue of a large mesh: 1,000,000 cells (200,000 releases of 40,000 projects, each for 5 targets), built from records and pages in
 * memory, then kept. Run: npx tsx --expose-gc bench/queue.bench.ts [CELLS]
 *
 * The mix: of ten projects seven have source archives only and were never tried; one has pure wheels upstream; one has compiled wheels
 * upstream for other machines, so that all its targets are open; of one the mesh has results (a third each: a pure wheel, a failure
 * of the package, a network failure that waits for its next try). Releases per project: 1 to 40, 5 in the mean.
 */
import type { ProjectName, TargetId } from '../src/core/ids.ts'
import type { MeshRecord } from '../src/core/record.ts'
import type { Slice } from '../src/core/shard.ts'
import type { JobBoard } from '../src/scheduler/job-board.ts'
import { aWant } from '../test/support/make-record.ts'
import {
  NODE,
  RELEASES,
  TARGETS,
  aWorld,
  makeProjects,
  observed,
  recordsOf,
  resultOf,
  type Project,
  type World
} from './queue-mesh.ts'

/** Records of one kind, each for another project. */
const SAMPLES = 2_000

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

type Cost = readonly [wallSeconds: number, processorSeconds: number]

/** On a machine that others use, processor time tells what the work costs; it has the garbage collector's threads in it. */
function costOf(work: () => void): Cost {
  const before = process.cpuUsage()
  const wallMs = timed(work)
  const { user, system } = process.cpuUsage(before)
  return [wallMs / 1_000, (user + system) / 1e6]
}

/** Median and 99th percentile, in microseconds. */
function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number): string => ((sorted[Math.floor(sorted.length * share)] ?? 0) * 1_000).toFixed(1)
  return `median ${at(0.5)} µs, p99 ${at(0.99)} µs`
}

function heapMiB(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1024 ** 2
}

function take(board: JobBoard, target: TargetId, count: number, slice?: Slice): number {
  let taken = 0
  for (const job of board.openJobs(target, { isServed: () => true, slice })) {
    if (job !== '' && ++taken === count) break
  }
  return taken
}

function measureBuild(projects: readonly Project[]): World {
  const world = aWorld()
  const entries = recordsOf(projects)
  const before = heapMiB()
  const costs = [
    costOf(() => {
      for (const records of entries) world.apply(...records)
    }),
    costOf(() => {
      for (const { name, digest, body } of projects) world.pages.put(name, digest, body)
    })
  ]
  const known = heapMiB()
  costs.push(
    costOf(() => {
      world.board.refreshAll()
    })
  )
  const heaps = [before, known, heapMiB()] as const
  const [fold, pages, board] = costs.map(text)
  row('fold the records', fold ?? '')
  row('parse the pages', pages ?? '')
  row('make the board', board ?? '')
  row('all of it', `${text(costs.reduce(([w, c], [wall, cpu]) => [w + wall, c + cpu]))} (wanted: < 15 s)`)
  tellSize(world, heaps)
  return world
}

function text([wall, cpu]: Cost): string {
  return `${wall.toFixed(2)} s, of processors ${cpu.toFixed(2)} s`
}

function tellSize(world: World, [before, known, after]: readonly [number, number, number]): void {
  const states = new Map<string, number>()
  for (const { state } of world.board.rows()) states.set(state.kind, (states.get(state.kind) ?? 0) + 1)
  const cells = [...states.values()].reduce((sum, count) => sum + count, 0)
  row('cells on the board', `${cells} (${[...states].map(([kind, count]) => `${count} ${kind}`).join(', ')})`)
  row('heap of records and pages', `${(known - before).toFixed(0)} MiB`)
  const bytes = ((after - known) * 1024 ** 2) / cells
  row('heap of the board', `${(after - known).toFixed(0)} MiB, ${bytes.toFixed(0)} bytes a cell`)
}

function measureKeeping(world: World, projects: readonly Project[]): void {
  const fresh = projects.filter(({ mix }) => mix === 'new')
  const each = (make: (project: Project, index: number) => MeshRecord): string => {
    const records = Array.from({ length: SAMPLES }, (_, index) => {
      const project = fresh[Math.floor((index * fresh.length) / SAMPLES)]
      return project === undefined ? [] : [make(project, index)]
    })
    return spread(
      records.map((some) =>
        timed(() => {
          world.board.apply(world.apply(...some))
        })
      )
    )
  }
  const want = (project: ProjectName, createdMs: number): MeshRecord =>
    aWant({ specs: [{ project, specifier: '' }], createdMs })
  row(
    'a result',
    each(({ name, versions }, index) => resultOf(name, versions[0] ?? '', index))
  )
  row(
    'a want of one project',
    each(({ name }, index) => want(name, index))
  )
  row(
    'an observation of the same page',
    each(({ name, digest, body }) => ({ ...observed({ name, digest, body }), serial: 2 }))
  )
  row(
    'a node record, same targets',
    each((_, index) => ({ ...NODE, saidMs: index + 2 }))
  )
}

function measureTaking({ board }: World): void {
  const often = (work: () => void): string => spread(Array.from({ length: 300 }, () => timed(work)))
  for (const target of TARGETS.slice(0, 2)) {
    row(
      `first 300 of ${target}`,
      often(() => {
        take(board, target, 300)
      })
    )
    row(
      '  of one slice of 16',
      often(() => {
        take(board, target, 300, { index: 3, count: 16 })
      })
    )
    row(
      '  the first one only',
      often(() => {
        take(board, target, 1)
      })
    )
  }
}

function row(what: string, value: string): void {
  console.log(`${what.padEnd(42)} ${value}`)
}

const projects = makeProjects()
console.log(
  `${projects.length} projects, ${RELEASES} releases, ${TARGETS.length} targets; node ${process.version}`
)
const world = measureBuild(projects)
measureKeeping(world, projects)
measureTaking(world)
