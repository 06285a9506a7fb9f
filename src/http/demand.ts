import type { ProjectName, TargetId } from '../core/ids.ts'

/** What became of a press on the button of a project page. `reason` is a whole sentence for the person who pressed it. */
export type AskAnswer =
  /** A low-priority want was written now. */
  | { readonly kind: 'asked'; readonly targets: readonly TargetId[]; readonly reason: string }
  /** Nothing was written, as there is nothing to do: it is wanted already, or every target has a wheel. */
  | { readonly kind: 'already'; readonly reason: string }
  | { readonly kind: 'refused'; readonly code: AskRefusal; readonly reason: string }

/**
 * `off`: the owner switched demand off. `busy`: the bounds of this node are reached, later it may work. `unknown`: upstream has no
 * such project, or it could not be asked. `nothing-to-build`: no release has a source archive, or nobody builds.
 */
export type AskRefusal = 'off' | 'busy' | 'unknown' | 'nothing-to-build'

/** Takes what clients show that they need. Nothing personal is kept: no address, no header, only project and target. */
export interface DemandDesk {
  /** A project page was answered with 200 or 304 to a client of this User-Agent. Costs microseconds, never throws. */
  seen(project: ProjectName, userAgent: string): void
  /** Somebody asked on purpose, without a token: bounded, of low priority. Never throws. */
  ask(project: ProjectName): Promise<AskAnswer>
}
