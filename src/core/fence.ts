import type { NodeId } from './ids.ts'

/**
 * Who granted a claim, and when in the order of all coordinators of a shard: totally ordered, so that whoever
 * wakes up late is recognised. Spec: docs/protocol/coordination.md#fence
 */
export interface Fence {
  /** Grows with each view change. */
  readonly epoch: number
  /** First 16 hex digits of the SHA-256 of the view's witness list: two views of one epoch differ here. */
  readonly view: string
  /** Grows with each election inside a view. */
  readonly term: number
  readonly holder: NodeId
}

export function compareFences(a: Fence, b: Fence): number {
  return (
    a.epoch - b.epoch || compareText(a.view, b.view) || a.term - b.term || compareText(a.holder, b.holder)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
