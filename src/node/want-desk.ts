import type { NodeId, ProjectName, TargetId } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import type { Clock } from '../core/ports.ts'
import type { ProjectSpec, WantRecord } from '../core/record.ts'
import type { Release } from '../core/releases.ts'
import { parseRequirement } from '../core/requirement.ts'
import { parseTarget } from '../core/target.ts'
import { apiError } from '../http/api-error.ts'
import type { BatchView, JobView, WantAnswer, WantRequest, WantView } from '../http/api-types.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { BatchStanding } from '../scheduler/batch-book.ts'
import type { JobBoard, JobRow } from '../scheduler/job-board.ts'
import { wantedReleases } from '../scheduler/wanted-releases.ts'
import type { JobViews } from './job-views.ts'

export interface WantDeskParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly board: JobBoard
  readonly views: JobViews
  readonly ledger: Pick<Ledger, 'append'>
  readonly clock: Clock
  /** Targets that somebody who is there builds for. */
  servedTargets(): readonly TargetId[]
  /** What went wrong when upstream was asked for a project, `''` when nothing did. */
  upstreamTrouble(project: ProjectName): string
}

/** Failing jobs that a view names. */
const SHOWN_FAILING = 20
const ENDED = new Set(['built', 'failed', 'upstream', 'skipped', 'excluded'])

/** Wants: taken from people, and shown with what became of them. */
export interface WantDesk {
  want(request: WantRequest): Promise<WantAnswer>
  views(id?: string): readonly WantView[]
}

export function createWantDesk(parts: WantDeskParts): WantDesk {
  const { state, board, views, ledger, clock } = parts

  function jobsOf(id: string, want: WantRecord): readonly JobView[] {
    return want.specs.flatMap((spec) => {
      const rows = rowsOfSpec(parts, spec, want).filter(({ wantIds }) => wantIds.includes(id))
      return rows.length > 0 ? rows.map((row) => views.view(row)) : [whyNothing(parts, spec, want)]
    })
  }

  function viewOf(id: string, want: WantRecord): WantView {
    const jobs = jobsOf(id, want)
    const { targets, atomic, createdMs } = want
    const batch = batchView(board.batches.standing(id))
    const specs = want.specs.map(({ project, specifier }) => `${project}${specifier}`)
    const author = state.wishes.authorOf(id) ?? ''
    const isOver = batch === undefined || batch.state === 'stopped' || batch.state === 'done'
    const done = isOver && jobs.every((job) => ENDED.has(job.state))
    return { id, specs, targets, ...(batch && { batch }), atomic, author, createdMs, done, jobs }
  }

  return {
    async want({ specs, targets, batch, atomic }) {
      const named = targets.map((target) => parseTarget(target).id)
      const record: WantRecord = {
        kind: 'want',
        specs: specs.map(readSpec),
        targets: batch && named.length === 0 ? targetsOfBatch(parts) : named,
        priority: 'request',
        batch,
        atomic,
        createdMs: clock.wallMs()
      }
      const [id = ''] = await ledger.append(record)
      return { want: id, jobs: jobsOf(id, record) }
    },
    views(id) {
      if (id === undefined) return [...state.wishes.wants()].map(([one, want]) => viewOf(one, want))
      const want = state.wishes.want(id)
      return want === undefined ? [] : [viewOf(id, want)]
    }
  }
}

/** A batch is for a fixed set of targets, or it would never end while nodes join. */
function targetsOfBatch(parts: WantDeskParts): readonly TargetId[] {
  const served = parts.servedTargets()
  if (served.length > 0) return served
  throw apiError(
    'CONFLICT',
    'no node that builds is there now',
    'a batch is for the targets that are built for when it is asked for: name them, or ask without batch'
  )
}

function batchView(standing: BatchStanding | undefined): BatchView | undefined {
  if (standing === undefined) return undefined
  const { id, round, state, failing } = standing
  return { id, round, state, failing: failing.length, failingJobs: failing.slice(0, SHOWN_FAILING) }
}

function readSpec(text: string): ProjectSpec {
  try {
    const { project, specifier } = parseRequirement(text)
    return { project, specifier }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw apiError('BAD_REQUEST', reason, 'a requirement looks like numpy, numpy==2.1.0 or "numpy>=2,<3"')
  }
}

/** The jobs that this very spec asks for: two specs of one want may name one project. */
function rowsOfSpec({ board, pages }: WantDeskParts, spec: ProjectSpec, want: WantRecord): readonly JobRow[] {
  const versions = new Set(releasesOfSpec(pages, spec, want).map(({ version }) => version))
  return board.rowsOf(spec.project).filter(({ version }) => versions.has(version))
}

function releasesOfSpec(
  pages: PageBook,
  { project, specifier }: ProjectSpec,
  want: WantRecord
): readonly Release[] {
  const wish = { project, specifier, wantId: '', author: '' as NodeId, ...want }
  return wantedReleases([wish], pages.releases(project)?.releases ?? []).map(({ release }) => release)
}

/** A spec without jobs, as a job of its own that says why. */
function whyNothing(parts: WantDeskParts, { project, specifier }: ProjectSpec, want: WantRecord): JobView {
  const text = `${project}${specifier}`
  const none = { id: text, project, version: '', target: '', attempts: 0, builds: 0 }
  const observed = parts.state.observations.newest(project)
  const failed = (cause: string, reason: string): JobView => ({
    ...none,
    state: 'failed',
    reason,
    failure: { class: 'package', cause, reason }
  })
  if (observed === undefined) {
    const trouble = parts.upstreamTrouble(project)
    return {
      ...none,
      state: 'waiting',
      reason: trouble === '' ? 'upstream is being asked' : `upstream: ${trouble}`
    }
  }
  if (observed.record.page === undefined)
    return failed('unknown-project', `upstream has no project named ${project}`)
  const known = parts.pages.releases(project)
  if (known === undefined) return { ...none, state: 'waiting', reason: 'its page is on the way here' }
  const [release] = releasesOfSpec(parts.pages, { project, specifier }, want)
  if (release === undefined) {
    const newest = known.releases.at(-1)?.version
    return failed(
      'unknown-version',
      `upstream has no release ${text}${newest === undefined ? '' : `; its newest is ${newest}`}`
    )
  }
  const target = want.targets[0] ?? ''
  const id = target === '' ? text : jobId(project, release.version, target)
  return { ...none, id, state: 'waiting', reason: 'no node of the mesh builds wheels yet' }
}
