import { sha256Hex } from '../core/digest.ts'
import type { TargetId } from '../core/ids.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import { isUnfinished, type JobRow } from '../scheduler/job-board.ts'
import type { BuildChecker } from './build-checker.ts'
import type { SimProcess } from './sim-process.ts'
import type { Violations } from './violations.ts'

/** Whether a node has nothing left to do and knows all that the others know. */
export function isQuiet(process: SimProcess, served: ReadonlySet<TargetId>): boolean {
  if (process.desk.running().length > 0) return false
  for (const project of process.state.wishes.projects()) {
    if (process.state.observations.newest(project) === undefined) return false
    if (process.engine.pages.missing(project) !== undefined) return false
  }
  return unfinished(process, served).length === 0
}

/** Targets that somebody who is there builds for: others' jobs nobody can build. */
export function servedTargets(processes: readonly SimProcess[]): ReadonlySet<TargetId> {
  return new Set(processes.flatMap(({ machine }) => machine.facts.targets))
}

function unfinished(process: SimProcess, served: ReadonlySet<TargetId>): readonly JobRow[] {
  return [...process.engine.board.rows()].filter(
    (row) => isUnfinished(row) && row.sdist !== undefined && served.has(row.target)
  )
}

/** All heads of a node's ledger, in one text. */
export function headsOf(process: SimProcess): string {
  return process.ledger
    .heads()
    .map(({ node, incarnation, seq, hash }) => `${node}/${incarnation} ${seq} ${hash}`)
    .sort()
    .join('\n')
}

/** What must be equal where ledgers are. */
function queueOf(process: SimProcess): string {
  const rows = [...process.engine.board.rows()].map(({ id, state }) => `${id} ${JSON.stringify(state)}`)
  return sha256Hex(rows.sort().join('\n'))
}

function indexOf(process: SimProcess): string {
  const lines: string[] = []
  for (const project of process.state.observations.projects()) {
    const releases = process.engine.pages.releases(project)?.releases ?? []
    for (const { wheel, channel, job } of publishedWheels(process.state, project, releases)) {
      lines.push(`${wheel.filename} ${wheel.sha256} ${channel} ${job}`)
    }
  }
  return sha256Hex(lines.sort().join('\n'))
}

/** When all faults are over and the mesh had its time: everybody knows everything, and nothing is left to do. */
export function checkEnd(
  processes: readonly SimProcess[],
  builds: BuildChecker,
  violations: Violations
): void {
  const [first] = processes
  if (first === undefined) return
  const served = servedTargets(processes)
  for (const process of processes) {
    if (headsOf(process) !== headsOf(first))
      violations.add('ledgers-agree', `${process.id} and ${first.id} differ`)
    else if (queueOf(process) !== queueOf(first))
      violations.add('queues-agree', `${process.id} and ${first.id} differ`)
    else if (indexOf(process) !== indexOf(first))
      violations.add('indexes-agree', `${process.id} and ${first.id} differ`)
    checkJobs(process, served, violations)
  }
  checkResults(processes, builds, violations)
  builds.checkBounds()
}

function checkJobs(process: SimProcess, served: ReadonlySet<TargetId>, violations: Violations): void {
  const [row] = unfinished(process, served)
  if (row !== undefined)
    violations.add('every-job-ends', `${row.id} is still ${row.state.kind} on ${process.id}`)
}

function checkResults(processes: readonly SimProcess[], builds: BuildChecker, violations: Violations): void {
  for (const { process: author, result } of builds.results()) {
    const lacking = processes.filter(({ state }) => {
      const known = state.results.ofJob(result.job)
      return !known.some((fact) => fact.author === author.id && fact.record.startedMs === result.startedMs)
    })
    // It left before anybody had heard of it, as in a cut of its own: `leave` waits for nobody yet.
    if (author.machine.hasLeft && lacking.length === processes.length) continue
    for (const process of lacking) {
      violations.add('no-lost-result', `${process.id} never got ${author.id}'s result of ${result.job}`)
    }
  }
}
