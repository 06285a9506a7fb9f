import { messageOf } from '../core/errors.ts'
import type { Clock, Log } from '../core/ports.ts'
import { isDamage } from '../storage/database-health.ts'

/** How a node stops by itself: its membership is over, or only its work for now. */
export type NodeEnd = 'left' | 'finished'

/** One life of a node: from opening its data folder to closing it. */
export interface Life {
  /** Undoes itself when it fails: nothing of the data folder is open then. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves when its owner told the node to leave, or to finish, and it has. */
  readonly over: Promise<NodeEnd>
  /** Runs once, when the database turns out to be broken. */
  onDamage(listener: (error: Error) => void): void
}

/** A card that breaks again and again is not mended by starting again and again. */
const MAX_REPAIRS = 3
const REPAIRS_WITHIN_MS = 3600 * 1000

export interface LivesParts<L extends Life> {
  readonly clock: Clock
  readonly log: Log
  /** Opens the data folder, which repairs what was found broken. */
  begin(): Promise<L>
}

/**
 * A node whose database breaks while it runs: it is stopped, repaired and started again in the same process, because not
 * every Pi has a supervisor.
 */
export class NodeLives<L extends Life> {
  readonly #parts: LivesParts<L>
  /** Resolves when the node stopped by itself; rejects when it cannot go on. */
  readonly ended: Promise<NodeEnd>
  #onEnded: (end: NodeEnd) => void = () => undefined
  #onFailed: (error: unknown) => void = () => undefined
  #current: L | undefined
  #repairsMs: readonly number[] = []
  #isStopping = false
  #turn: Promise<void> = Promise.resolve()

  constructor(parts: LivesParts<L>) {
    this.#parts = parts
    this.ended = new Promise((resolve, reject) => {
      this.#onEnded = resolve
      this.#onFailed = reject
    })
    // Who does not look at it must not be ended by it.
    this.ended.catch(() => undefined)
  }

  /** The first life. */
  async start(): Promise<L> {
    return this.#begin()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#turn
    await this.#current?.stop()
  }

  async #begin(): Promise<L> {
    const life = await this.#started().catch(async (error: unknown) => {
      if (!isDamage(error) || !this.#mayRepair()) throw error
      this.#parts.log.error('the start came upon a broken database; it is repaired', {
        error: messageOf(error)
      })
      return this.#started()
    })
    this.#current = life
    life.over.then(this.#onEnded, this.#onFailed)
    life.onDamage((error) => {
      this.#turn = this.#turn.then(() => this.#renew(error))
    })
    return life
  }

  async #started(): Promise<L> {
    const life = await this.#parts.begin()
    await life.start()
    return life
  }

  /** Never rejects. */
  async #renew(error: Error): Promise<void> {
    const { log } = this.#parts
    if (this.#isStopping) return
    if (!this.#mayRepair()) {
      log.error('the database breaks again and again; look at the card with dmesg, and replace it', {
        error: messageOf(error)
      })
      return
    }
    log.error('the database is broken; the node stops, repairs it, and goes on', { error: messageOf(error) })
    try {
      await this.#current?.stop().catch((failure: unknown) => {
        log.warn('the node did not stop cleanly', { error: messageOf(failure) })
      })
      await this.#begin()
      log.info('the node goes on after the repair')
    } catch (failure) {
      this.#onFailed(failure)
    }
  }

  #mayRepair(): boolean {
    const nowMs = this.#parts.clock.monotonicMs()
    const recent = this.#repairsMs.filter((ms) => nowMs - ms < REPAIRS_WITHIN_MS)
    if (recent.length >= MAX_REPAIRS) return false
    this.#repairsMs = [...recent, nowMs]
    return true
  }
}
