import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { JobBoard } from './job-board.ts'
import type { PageLoader } from './page-loader.ts'

export interface BoardMakerParts {
  readonly state: Pick<MeshState, 'wishes'>
  readonly board: Pick<JobBoard, 'refresh' | 'projects'>
  readonly loader: Pick<PageLoader, 'loadHeld'>
  readonly clock: Clock
  readonly log: Log
}

/** A slice of the work, and the pause after it in which the rest of the node has its turn. */
const SLICE_MS = 20
const PAUSE_MS = 5
const PROGRESS_MS = 5_000

/**
 * Judges every project of the board, in the background: a large mesh has a million jobs, and a node serves meanwhile. Projects that
 * batches ask for come first, as wheels of atomic ones are not listed before their batch is known.
 */
export class BoardMaker {
  readonly #parts: BoardMakerParts
  #isMade = false
  #isRunning = false
  /** Asked for again while it ran. */
  #isStale = false
  #isStopped = false
  #batchesKnown!: () => void
  /** Resolves once each project that a batch asks for was looked at. */
  readonly whenBatchesKnown = new Promise<void>((resolve) => {
    this.#batchesKnown = resolve
  })

  constructor(parts: BoardMakerParts) {
    this.#parts = parts
  }

  /** Every project was looked at once since the start: before that, what is urgent may not be on the board yet. */
  isMade(): boolean {
    return this.#isMade
  }

  /** Begins, or begins again: every job may be another. */
  make(): void {
    this.#isStale = true
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    void this.#run().catch((error: unknown) => {
      this.#isRunning = false
      // The node goes on without: it serves, and does not lead. Nobody waits for what does not come.
      this.#batchesKnown()
      this.#parts.log.error('the job board could not be made', { error: messageOf(error) })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#batchesKnown()
  }

  /** Asked after each wait: it may have come to an end meanwhile. */
  #hasStopped(): boolean {
    return this.#isStopped
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts
    while (this.#isStale) {
      this.#isStale = false
      const beganMs = clock.monotonicMs()
      const projects = await this.#pass(beganMs)
      if (this.#hasStopped()) return
      this.#batchesKnown()
      // Also when a change came meanwhile: what it changed is late on the board, as it would be had it come later.
      if (!this.#isMade)
        log.info('the job board is made', { projects, tookMs: Math.round(clock.monotonicMs() - beganMs) })
      this.#isMade = true
    }
    this.#isRunning = false
  }

  async #pass(beganMs: number): Promise<number> {
    const { clock, log } = this.#parts
    const { batched, others } = this.#projects()
    const all = [...batched, ...others]
    let [sliceMs, toldMs] = [clock.monotonicMs(), beganMs]
    for (const [done, project] of all.entries()) {
      if (this.#hasStopped()) break
      if (done === batched.length) this.#batchesKnown()
      await this.#judge(project)
      const nowMs = clock.monotonicMs()
      if (nowMs - sliceMs < SLICE_MS) continue
      if (nowMs - toldMs >= PROGRESS_MS) {
        toldMs = nowMs
        log.info('the job board is being made', { done: done + 1, projects: all.length })
      }
      await clock.sleep(PAUSE_MS)
      sliceMs = clock.monotonicMs()
    }
    return all.length
  }

  /** Wanted ones, and those that are on the board and perhaps no longer wanted. */
  #projects(): { readonly batched: readonly ProjectName[]; readonly others: readonly ProjectName[] } {
    const { state, board } = this.#parts
    const { wishes } = state
    const all = [...new Set([...wishes.projects(), ...board.projects()])]
    const isBatched = (project: ProjectName): boolean =>
      wishes.forProject(project).some(({ wantId }) => wishes.batches.of(wantId) !== undefined)
    const batched = new Set(all.filter(isBatched))
    return { batched: [...batched], others: all.filter((project) => !batched.has(project)) }
  }

  /** A page whose bytes this node holds is read now; for others the board asks, and judges once they came. */
  async #judge(project: ProjectName): Promise<void> {
    if (!(await this.#parts.loader.loadHeld(project))) this.#parts.board.refresh(project)
  }
}
