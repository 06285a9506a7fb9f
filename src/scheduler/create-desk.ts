import type { Capacity, PausedNote } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { BuildLimits } from '../core/record.ts'
import type { Clock, Log, Random, WheelBuilder } from '../core/ports.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Engine } from './engine.ts'
import { WorkDesk, type WorkDeskOptions } from './work-desk.ts'

export interface DeskParts {
  readonly engine: Pick<Engine, 'board' | 'coordination' | 'pinsOf'>
  readonly ledger: Pick<Ledger, 'append'>
  readonly builder: WheelBuilder
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  capacity(): Capacity
  /** Under which limits builds run; unless given, those of the capacity. */
  limits?(): BuildLimits
  /** Why what is built could not be stored, if so. */
  noRoom?(): string | undefined
  /** Why nothing is begun for now, if so. */
  paused?(): PausedNote | undefined
}

/** Puts a builder to work for the mesh that the engine belongs to. */
export function createDesk(parts: DeskParts, options: WorkDeskOptions & { readonly self: NodeId }): WorkDesk {
  const { engine, ledger, builder, clock, random, log } = parts
  const { board, coordination } = engine
  const desk = new WorkDesk(
    {
      clock,
      log,
      random,
      board,
      builder,
      pinsOf: (job) => engine.pinsOf(job),
      coordinators: coordination,
      publish: async (result) => {
        await ledger.append(result)
      },
      capacity: () => parts.capacity(),
      limits: () => parts.limits?.() ?? parts.capacity(),
      noRoom: () => parts.noRoom?.(),
      paused: () => parts.paused?.()
    },
    options
  )
  coordination.attach(desk, desk)
  return desk
}
