import type { JobView, WantView } from '../http/api-types.ts'
import type { CliContext, Terminal } from './cli-context.ts'
import { type NodeLabels, jobDetail, releaseOf, stateCell } from './job-cells.ts'
import { type Paint, paintFor } from './paint.ts'
import { batchLine } from './want-batch.ts'
import { countOf, plain } from './words.ts'

/** Shows how the jobs of a want go. */
export interface WantProgress {
  show(view: WantView, labels: NodeLabels): void
}

/** In place on a terminal, otherwise one line for each change. */
export function createWantProgress({ stdout, env }: Pick<CliContext, 'stdout' | 'env'>): WantProgress {
  const paint = paintFor(stdout, env)
  return stdout.isTTY && env['TERM'] !== 'dumb' ? liveProgress(stdout, paint) : writtenProgress(stdout, paint)
}

/** Nothing to look at: `--json` prints the end alone. */
export const silentProgress: WantProgress = { show: () => undefined }

function writtenProgress(terminal: Terminal, paint: Paint): WantProgress {
  const told = new Map<string, string>()
  let toldBatch = ''
  return {
    show({ jobs, batch }, labels) {
      const line = batch === undefined ? '' : batchLine(batch)
      if (line !== toldBatch) terminal.write(`${line}\n`)
      toldBatch = line
      const widths = widthsOf(jobs)
      for (const job of jobs) {
        // Time passes in silence; all else is a change.
        const change = [job.state, job.phase, job.builder, job.reason, job.failure?.reason].join('\n')
        if (told.get(job.id) === change) continue
        told.set(job.id, change)
        terminal.write(`${jobLine(job, labels, { ...widths, paint })}\n`)
      }
    }
  }
}

/** Jobs that move first; those that do not fit are counted. */
const ORDER: readonly JobView['state'][] = ['building', 'queued', 'waiting', 'failed', 'built']

function liveProgress(terminal: Terminal, paint: Paint): WantProgress {
  let drawn = 0
  return {
    show({ jobs, batch }, labels) {
      const head = batch === undefined ? [] : [clip(batchLine(batch), terminal.columns - 1)]
      const room = Math.max(1, terminal.rows - 2 - head.length)
      const shown = jobs.length <= room ? jobs : byUrgency(jobs).slice(0, room - 1)
      const layout = { ...widthsOf(shown), paint, width: terminal.columns - 1 }
      const lines = [...head, ...shown.map((job) => jobLine(job, labels, layout))]
      const hidden = jobs.length - shown.length
      if (hidden > 0) lines.push(paint('dim', `… and ${countOf(hidden, 'more job')}`))
      if (jobs.length === 0) lines.push(paint('dim', 'asking upstream which releases there are'))
      // Up to the first line of the last drawing, and clear from there.
      const back = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[0J`
      terminal.write(`${back}${lines.join('\n')}\n`)
      drawn = lines.length
    }
  }
}

function byUrgency(jobs: readonly JobView[]): readonly JobView[] {
  const rank = ({ state }: JobView): number => (ORDER.includes(state) ? ORDER.indexOf(state) : ORDER.length)
  return [...jobs].sort((a, b) => rank(a) - rank(b))
}

interface LineLayout {
  readonly release: number
  readonly target: number
  readonly paint: Paint
  /** Cut to this, so that one job stays one line. */
  readonly width?: number
}

function widthsOf(jobs: readonly JobView[]): { readonly release: number; readonly target: number } {
  return {
    release: Math.max(0, ...jobs.map((job) => releaseOf(job).length)),
    target: Math.max(0, ...jobs.map((job) => job.target.length))
  }
}

const STATE_WIDTH = 'building'.length

function jobLine(
  job: JobView,
  labels: NodeLabels,
  { release, target, paint, width = Infinity }: LineLayout
): string {
  const { text, style } = stateCell(job.state)
  const lead = `${releaseOf(job).padEnd(release)}  ${plain(job.target).padEnd(target)}  `
  const room = width - lead.length - STATE_WIDTH - 2
  if (room < 0) return `${lead}${text}`.slice(0, width)
  const state = style === undefined ? text : paint(style, text)
  const detail = clip(jobDetail(job, labels), room)
  return `${lead}${state}${' '.repeat(Math.max(0, STATE_WIDTH - text.length))}  ${detail}`.trimEnd()
}

function clip(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`
}
