import type { CoordinationMessage, ShardId } from '../core/coordination.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { Claims } from './claims.ts'
import type { CoordinationParts } from './coordination-ports.ts'
import type { EffectRunner } from './effect-runner.ts'
import { isUnfinished } from './job-board.ts'
import type { Roster } from './roster.ts'
import type { ShardWorld } from './shard.ts'
import type { TargetDesk } from './target-desk.ts'
import { Troubles } from './troubles.ts'

interface ShardWorldParts extends Pick<
  CoordinationParts,
  'clock' | 'board' | 'isMember' | 'wasAdmitted' | 'mayLead' | 'gossip' | 'hasResult' | 'lacks'
> {
  readonly self: NodeId
  readonly roster: Roster
  readonly effects: EffectRunner
  openJobs(): Iterable<JobId>
  send(to: NodeId, message: CoordinationMessage): void
}

/** What a shard sees of its node; without a desk it is no target's, and has no jobs. */
export function shardWorld(shard: ShardId, desk: TargetDesk | undefined, parts: ShardWorldParts): ShardWorld {
  const { self, board, clock, roster, effects } = parts
  const isMember = (node: NodeId): boolean => node === self || parts.isMember(node)
  return {
    shard,
    self,
    claims: desk?.claims ?? new Claims(),
    troubles: desk?.troubles ?? new Troubles(),
    present: () => roster.present(clock.monotonicMs()),
    isMember,
    mayLead: () => parts.mayLead?.() !== false,
    wasAdmitted: (node) => isMember(node) || parts.wasAdmitted?.(node) === true,
    mayGrant: (nowMs) => desk?.isSettled(nowMs) ?? true,
    openJobs: () => parts.openJobs(),
    isUnfinished: (job) => {
      const row = board.get(job)
      return row !== undefined && isUnfinished(row)
    },
    fits: (job, capacity, builder) => board.fits(job, capacity, builder),
    failedOn: (job) => board.failedOn(job),
    hasOtherBuilder: (builder) =>
      desk !== undefined && roster.hasOtherBuilder(desk.target, builder, clock.monotonicMs()),
    hasResult: (claim, startedMs) => parts.hasResult(claim, startedMs),
    lacks: (node) => {
      parts.lacks(node)
    },
    send: (to, message) => {
      parts.send(to, message)
    },
    gossip: (message) => {
      parts.gossip(message)
    },
    carryOut: (made) => {
      effects.run(shard, made)
    }
  }
}
