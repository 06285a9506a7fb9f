import { cascade } from '../core/cascade.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId, ProjectName, TargetId } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import { ASK_BURST, ASKS_PER_SECOND, DEMANDS_PER_TURN, DEMAND_TURN_MS } from '../core/limits.ts'
import { fileFitsTarget } from '../core/merge-index.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { PageFile } from '../core/project-page.ts'
import { requiresPythonAllows, type Release } from '../core/releases.ts'
import { libcFamilyOf, libcVersionOf, parseTarget, type Target } from '../core/target.ts'
import { parseVersion, versionKey } from '../core/version.ts'
import { parseWheelName } from '../core/wheel-name.ts'
import { targetsOfAgent } from '../http/client-agent.ts'
import type { AskAnswer, AskRefusal, DemandDesk } from '../http/demand.ts'
import type { IndexSource } from '../http/simple-index.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { outcomesOf } from '../ledger/outcomes.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { Allowance } from '../scheduler/allowance.ts'
import { DemandBook, type Demand } from '../scheduler/demand-book.ts'
import { isOverDemand } from '../scheduler/demand-bounds.ts'
import type { JobBoard } from '../scheduler/job-board.ts'

export interface DemandDeskParts {
  readonly self: NodeId
  readonly state: MeshState
  readonly pages: PageBook
  readonly index: Pick<IndexSource, 'project'>
  readonly board: Pick<JobBoard, 'get'>
  readonly ledger: Pick<Ledger, 'append'>
  readonly clock: Clock
  readonly log: Log
  /** The owner lets clients' needs become wants. */
  readonly isOn: boolean
  /** What is wanted already is known. */
  isReady(): boolean
}

export interface DemandStanding {
  readonly on: boolean
  /** Project and target pairs that are counted now. */
  readonly counted: number
  /** Wants that this node wrote for them since it started. */
  readonly wants: number
}

/** Turns what clients need into wants of low priority: counted first, looked into in turns, bounded throughout. Spec: docs/protocol/upstream.md#demand */
export class MeshDemandDesk implements DemandDesk {
  readonly #parts: DemandDeskParts
  readonly #book: DemandBook
  readonly #asks: Allowance
  #turn: Promise<void> | undefined
  #turnMs = -Infinity
  #wants = 0

  constructor(parts: DemandDeskParts) {
    this.#parts = parts
    this.#book = new DemandBook(parts.clock)
    this.#asks = new Allowance(parts.clock, ASK_BURST, ASKS_PER_SECOND)
  }

  seen(project: ProjectName, userAgent: string): void {
    if (!this.#parts.isOn) return
    const targets = targetsOfAgent(userAgent)
    if (targets.length > 0) this.#book.note({ project, targets })
  }

  async ask(project: ProjectName): Promise<AskAnswer> {
    if (!this.#parts.isOn)
      return refused('off', 'The owner of this node does not take requests from visitors.')
    if (!this.#asks.take()) return refused('busy', 'Too many requests came in lately; try again in a minute.')
    try {
      return await this.#ask(project)
    } catch (error) {
      this.#parts.log.debug('a request could not be taken', { project, error: messageOf(error) })
      return refused('unknown', 'The upstream index could not be asked for this project; try again later.')
    }
  }

  /** Looks into some of what was asked for often enough, one after the other. */
  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (this.#turn !== undefined || nowMs < this.#turnMs || !this.#parts.isReady()) return
    this.#turnMs = nowMs + DEMAND_TURN_MS
    const demands = this.#book.take(DEMANDS_PER_TURN)
    if (demands.length === 0) return
    this.#turn = this.#lookInto(demands).finally(() => {
      this.#turn = undefined
    })
  }

  standing(): DemandStanding {
    return { on: this.#parts.isOn, counted: this.#book.size, wants: this.#wants }
  }

  async stop(): Promise<void> {
    await this.#turn
  }

  async #lookInto(demands: readonly Demand[]): Promise<void> {
    for (const demand of demands) {
      try {
        await this.#serve(demand)
      } catch (error) {
        this.#parts.log.debug('a demand could not be looked into', { error: messageOf(error) })
      }
    }
  }

  async #serve({ project, targets }: Demand): Promise<void> {
    const { state, index, log } = this.#parts
    const found = servingTarget(targets, state.nodes.targets())
    const indexed = found && (await index.project(project))
    if (indexed?.merged.status === 'quarantined' || found === undefined) return
    const release = this.#newest(project, found.client)
    if (indexed === undefined || release?.sdist === undefined) return
    if (indexed.merged.files.some((file) => serves(file, release, found.client.id))) return
    const [missing] = this.#missing(project, release, [found.target])
    if (missing === undefined || this.#isOver()) return
    await this.#want(project, release, [missing])
    log.info('clients need a wheel that nobody has; it is wanted now', {
      project,
      version: release.version,
      target: missing
    })
  }

  async #ask(project: ProjectName): Promise<AskAnswer> {
    const { state, index } = this.#parts
    if ((await index.project(project)) === undefined)
      return refused('unknown', 'The upstream index has no project of this name.')
    const release = this.#newest(project)
    if (release?.sdist === undefined)
      return refused('nothing-to-build', 'Its newest release has no source archive to build from.')
    const targets = state.nodes.targets()
    if (targets.length === 0) return refused('nothing-to-build', 'No node of this mesh builds wheels.')
    const missing = this.#missing(project, release, targets)
    const { version } = release
    if (missing.length === 0)
      return {
        kind: 'already',
        reason: `Nothing is left to ask for: ${version} has its wheels, waits for its turn, or cannot be built.`
      }
    if (this.#isOver())
      return refused('busy', 'This mesh took as many requests as it may for now; try again in some hours.')
    await this.#want(project, release, missing)
    return {
      kind: 'asked',
      targets: missing,
      reason: `${version} will be built when nothing more urgent waits.`
    }
  }

  /** What pip takes: the newest regular release, on this Python if it is known. */
  #newest(project: ProjectName, target?: Target): Release | undefined {
    const releases = this.#parts.pages.releases(project)?.releases ?? []
    return releases
      .filter(({ yanked, prerelease, requiresPython }) => {
        const fits = target === undefined || requiresPythonAllows(requiresPython, target)
        return !yanked && !prerelease && fits
      })
      .at(-1)
  }

  /** Of these targets those for which a build would help, and nobody asked yet. */
  #missing(project: ProjectName, release: Release, targets: readonly Target[]): readonly TargetId[] {
    const { state, board } = this.#parts
    const cells = cascade({
      release,
      targets,
      outcomes: outcomesOf(state, project, release),
      skipReason: state.wishes.skipReason(project, release.version),
      offers: (target) => state.nodes.offers(target)
    })
    return cells
      .filter(({ state: { kind } }) => kind === 'open' || kind === 'waiting')
      .map(({ target }) => target.id)
      .filter((target) => board.get(jobId(project, release.version, target)) === undefined)
  }

  #isOver(): boolean {
    const { state, self, clock } = this.#parts
    return isOverDemand(state.wishes, self, clock.wallMs())
  }

  /** For this very release: a want without a version would hold the project for ever. */
  async #want(project: ProjectName, release: Release, targets: readonly TargetId[]): Promise<void> {
    const { ledger, clock } = this.#parts
    this.#wants++
    await ledger.append({
      kind: 'want',
      specs: [{ project, specifier: `==${release.version}` }],
      targets,
      priority: 'popular',
      batch: false,
      atomic: false,
      createdMs: clock.wallMs()
    })
  }
}

/** The client as a target, and the target of the mesh whose wheels it can use: of several the one with the newest C library. */
function servingTarget(
  clients: readonly TargetId[],
  targets: readonly Target[]
): { readonly client: Target; readonly target: Target } | undefined {
  for (const client of clients.map(parseTarget)) {
    const target = targets.filter((one) => isServedBy(client, one)).at(-1)
    if (target !== undefined) return { client, target }
  }
  return undefined
}

/** `targets` come oldest C library first, for one Python. */
function isServedBy(client: Target, target: Target): boolean {
  const [major, minor] = libcVersionOf(target)
  const [clientMajor, clientMinor] = libcVersionOf(client)
  return (
    client.python === target.python &&
    client.platform === target.platform &&
    libcFamilyOf(client) === libcFamilyOf(target) &&
    (major < clientMajor || (major === clientMajor && minor <= clientMinor))
  )
}

function serves(file: PageFile, release: Release, client: TargetId): boolean {
  const wheel = parseWheelName(file.filename)
  if (wheel === undefined || file.yanked !== false) return false
  return keyOf(wheel.version) === keyOf(release.version) && fileFitsTarget(file.filename, client)
}

function keyOf(version: string): string {
  const parsed = parseVersion(version)
  return parsed === undefined ? version : versionKey(parsed)
}

function refused(code: AskRefusal, reason: string): AskAnswer {
  return { kind: 'refused', code, reason }
}
