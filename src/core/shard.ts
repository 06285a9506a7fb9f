import { hash32 } from './digest.ts'
import type { JobId, TargetId } from './ids.ts'
import { MAX_SLICES, SLICES_FROM_BUILDERS } from './limits.ts'
import { isTargetId } from './target.ts'

/*
 * How the jobs of a mesh are divided among coordinators: a target's jobs as a whole, or by hash in a large mesh.
 * Spec: docs/protocol/coordination.md#slices
 */

declare const brand: unique symbol
/** One hash slice of a target's jobs: `<target>#<index>/<count>`. */
export type SliceId = string & { readonly [brand]: 'SliceId' }
/** What one coordinator looks after: a target's jobs, a slice of them, or following upstream. */
export type ShardId = TargetId | SliceId | 'upstream'
export const UPSTREAM_SHARD = 'upstream'

/** A share of a target's jobs: those whose release hashes to `index` among `count`. */
export interface Slice {
  readonly index: number
  /** A power of two, at most {@link MAX_SLICES}; 1 is the whole target. */
  readonly count: number
}

/** Slices of a target for which so many members build: a pure function, so that all with the same records agree. */
export function sliceCount(builders: number): number {
  let count = 1
  for (let from = SLICES_FROM_BUILDERS; builders >= from && count < MAX_SLICES; from *= 2) count *= 2
  return count
}

export function shardsOf(target: TargetId, count: number): readonly ShardId[] {
  return Array.from({ length: count }, (_, index) => shardId(target, { index, count }))
}

/** The shard that a job belongs to while its target has so many slices. */
export function shardOfJob(job: JobId, count: number): ShardId {
  return shardId(targetOfJob(job), { index: sliceIndex(job, count), count })
}

/** By project and version alone: what a release's build for one target says of the others is heard by one coordinator. */
export function sliceIndex(job: JobId, count: number): number {
  return count === 1 ? 0 : hash32(job.slice(0, job.lastIndexOf('@'))) % count
}

export function targetOfJob(job: JobId): TargetId {
  return job.slice(job.lastIndexOf('@') + 1) as TargetId
}

/** The target and slice that a shard is; undefined for `upstream`. */
export function sliceOfShard(shard: ShardId): (Slice & { readonly target: TargetId }) | undefined {
  if (shard === UPSTREAM_SHARD) return undefined
  const [target = '', slice] = shard.split('#')
  const [index = 0, count = 1] = slice?.split('/').map(Number) ?? []
  return { target: target as TargetId, index, count }
}

/** The only door through which an untrusted value becomes a shard. */
export function isShardId(value: unknown): value is ShardId {
  if (value === UPSTREAM_SHARD || isTargetId(value)) return true
  const match = typeof value === 'string' ? /^([^#]+)#(0|[1-9]\d?)\/([1-9]\d?)$/.exec(value) : null
  const [, target, index, count] = match ?? []
  const slices = Number(count)
  return isTargetId(target) && slices > 1 && isSliceCount(slices) && Number(index) < slices
}

function isSliceCount(count: number): boolean {
  return count <= MAX_SLICES && Number.isInteger(Math.log2(count))
}

function shardId(target: TargetId, { index, count }: Slice): ShardId {
  return count === 1 ? target : (`${target}#${index}/${count}` as SliceId)
}
