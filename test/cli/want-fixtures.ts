import type { JobView, WantView } from '../../src/http/api-types.ts'
import { BUILDER, aJobView } from '../http/http-fixtures.ts'
import { type Served, serve } from './cli-fixtures.ts'

export function aJob(project: string, target: string, over: Partial<JobView> = {}): JobView {
  return aJobView({ id: `${project}==1.0@${target}`, project, target, ...over })
}

export function aWant(jobs: readonly JobView[], over: Partial<WantView> = {}): WantView {
  const specs = [...new Set(jobs.map(({ project }) => project))]
  return {
    id: 'w1',
    specs,
    targets: [],
    atomic: false,
    author: BUILDER,
    createdMs: 0,
    done: false,
    jobs,
    ...over
  }
}

export const building = { state: 'building', phase: 'build', builder: BUILDER } as const
export const wheel = {
  filename: 'spidev-1.0-cp311-cp311-linux_armv7l.whl',
  sha256: '0'.repeat(64),
  size: 4_096
}
export const built = { state: 'built', wheel, builder: BUILDER, elapsedMs: 9_000 } as const
export const failure = {
  class: 'missing-dependency',
  cause: 'header',
  reason: 'a.h is missing: apt install liba-dev'
}
export const failed = { state: 'failed', failure, log: 'f'.repeat(64) } as const

/** How a want goes: each look at it shows the next view, the last one for good. */
export async function going(views: readonly (WantView | Error)[]): Promise<Served> {
  const node = await serve()
  let looks = 0
  node.control.wants = async (id) => {
    node.control.calls.push({ look: id })
    const view = views[Math.min(looks, views.length - 1)]!
    looks += 1
    if (view instanceof Error) throw view
    return [view]
  }
  return node
}
