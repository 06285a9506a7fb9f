import { type OwnersPause, readPauseFile, removePauseFile, writePauseFile } from '../../config/pause-file.ts'
import { messageOf } from '../../core/errors.ts'
import type { Clock, Log } from '../../core/ports.ts'
import type { PauseBoard } from './pause-board.ts'

export interface OwnerPauseParts {
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
  readonly board: PauseBoard
  /** No right clock says less: when this program was made. */
  readonly madeMs: number
}

/** The wall clock may move by so much against the monotonic one before the end on disk is written anew. */
const CLOCK_JUMP_MS = 60_000

/**
 * What the owner of this machine asked for, from one start to the next. While the node runs, only the monotonic clock counts: a Pi
 * without a clock of its own boots in the past, and is set right later. Over a restart the wall clock says what is left, never more
 * than the whole; where it cannot be right, it is the whole: a machine that rests longer than asked does less harm than one that works.
 */
export class OwnerPause {
  readonly #parts: OwnerPauseParts
  #pause: OwnersPause | undefined
  /** On the monotonic clock; undefined: no end. */
  #endsMs: number | undefined
  /** The clock at the start could not be right: what is left is worked out once it is. */
  #isDoubtful = false

  constructor(parts: OwnerPauseParts) {
    this.#parts = parts
  }

  /** Takes up what was asked for before this start. A file that cannot be read pauses: somebody asked for something. */
  async load(): Promise<void> {
    const { dataDir, log, board } = this.#parts
    try {
      const pause = await readPauseFile(dataDir)
      if (pause !== undefined) this.#takeUp(pause)
    } catch (error) {
      log.warn('what the owner asked for cannot be read', { error: messageOf(error) })
      board.set('owner', `it is paused, and the file that says for how long is broken: commonwheel resume`)
    }
    this.tick()
  }

  /** On the disk before it counts. */
  async begin(asked: { readonly reason: string; readonly forMs?: number | undefined }): Promise<void> {
    const { clock, dataDir } = this.#parts
    const { reason, forMs } = asked
    const sinceMs = clock.wallMs()
    const pause: OwnersPause = {
      reason,
      sinceMs,
      ...(forMs !== undefined && { lastsMs: forMs, untilMs: sinceMs + forMs })
    }
    await writePauseFile(dataDir, pause)
    this.#isDoubtful = false
    this.#pause = pause
    this.#endsMs = forMs === undefined ? undefined : clock.monotonicMs() + forMs
    this.#show()
  }

  async end(): Promise<void> {
    await removePauseFile(this.#parts.dataDir)
    this.#pause = undefined
    this.#parts.board.clear('owner')
  }

  /** Lifts a pause whose time is over; call it often. */
  tick(): void {
    const { clock } = this.#parts
    const pause = this.#pause
    if (pause?.untilMs === undefined || this.#endsMs === undefined) return
    if (this.#isDoubtful && this.#isRight(pause)) this.#takeUp(pause)
    const leftMs = this.#endsMs - clock.monotonicMs()
    if (leftMs <= 0) {
      this.#pause = undefined
      this.#parts.board.clear('owner')
      this.#keep(removePauseFile(this.#parts.dataDir))
      return
    }
    const untilMs = clock.wallMs() + leftMs
    if (this.#isDoubtful || Math.abs(untilMs - pause.untilMs) < CLOCK_JUMP_MS) return
    this.#pause = { ...pause, untilMs }
    this.#keep(writePauseFile(this.#parts.dataDir, this.#pause))
    this.#show()
  }

  #takeUp(pause: OwnersPause): void {
    const { clock } = this.#parts
    const { lastsMs, untilMs } = pause
    this.#pause = pause
    if (lastsMs !== undefined && untilMs !== undefined) {
      this.#isDoubtful = !this.#isRight(pause)
      const leftMs = this.#isDoubtful ? lastsMs : Math.min(lastsMs, untilMs - clock.wallMs())
      this.#endsMs = clock.monotonicMs() + leftMs
    }
    this.#show()
  }

  /** The clock is not before the pause, nor before this program, and was neither when it began. */
  #isRight({ sinceMs }: OwnersPause): boolean {
    return sinceMs >= this.#parts.madeMs && this.#parts.clock.wallMs() >= sinceMs
  }

  #show(): void {
    if (this.#pause === undefined) return
    const { reason, untilMs } = this.#pause
    this.#parts.board.set('owner', reason === '' ? 'its owner paused it' : `its owner paused it: ${reason}`, {
      untilMs: this.#isDoubtful ? undefined : untilMs
    })
  }

  #keep(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#parts.log.warn('what the owner asked for cannot be kept', { error: messageOf(error) })
    })
  }
}
