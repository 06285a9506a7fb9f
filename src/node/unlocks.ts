import type { UnlockView } from '../http/api-types.ts'
import type { JobBoard } from '../scheduler/job-board.ts'

/** Projects that one answer names for a package: enough to know what it is about. */
const MAX_NAMED = 5

/** What the system packages that failed jobs lacked would free, the most first. Jobs that some node can do already are not failed. */
export function unlocksOf(board: Pick<JobBoard, 'rows'>): readonly UnlockView[] {
  const found = new Map<
    string,
    { readonly releases: Set<string>; readonly projects: Set<string>; jobs: number }
  >()
  for (const { project, version, state } of board.rows()) {
    const missing = state.kind === 'failed' ? state.failure.missing : undefined
    if (missing === undefined) continue
    const counts = found.get(missing) ?? { releases: new Set(), projects: new Set(), jobs: 0 }
    found.set(missing, counts)
    counts.releases.add(`${project}==${version}`)
    counts.projects.add(project)
    counts.jobs += 1
  }
  return [...found]
    .map(([name, { releases, projects, jobs }]) => ({
      package: name,
      releases: releases.size,
      projects: projects.size,
      jobs,
      examples: [...projects].sort().slice(0, MAX_NAMED)
    }))
    .sort((a, b) => b.releases - a.releases || (a.package < b.package ? -1 : 1))
}
