import type { Capacity } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { Clock, Log, Random, WheelBuilder } from '../core/ports.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Engine } from './engine.ts'
import { WorkDesk, type WorkDeskOptions } from './work-desk.ts'

export interface DeskParts {
  readonly engine: Pick<Engine, 'board' | 'coordination'>
  readonly ledger: Pick<Ledger, 'append'>
  readonly builder: WheelBuilder
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  capacity(): Capacity
  /** Why what is built could not be stored, if so. */
  noRoom?(): string | undefined
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
      coordinators: coordination,
      publish: async (result) => {
        await ledger.append(result)
      },
      capacity: () => parts.capacity(),
      noRoom: () => parts.noRoom?.()
    },
    options
  )
  coordination.attach(desk, desk)
  return desk
}
