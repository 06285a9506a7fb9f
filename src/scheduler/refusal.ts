/** Why a message about claims or presence changes nothing here. */
export type ClaimRule =
  /** No member of this mesh speaks, or is spoken of. */
  | 'stranger'
  /** Gossip that was sent directly, or the other way round. */
  | 'wrong-channel'
  /** A shard that this node's records know nothing of, or no more. */
  | 'unknown-shard'
  /** A job that does not belong to the shard. */
  | 'foreign-job'
  /** Somebody speaks for another builder. */
  | 'not-the-builder'
  /** Somebody grants by another's authority, or answers for another. */
  | 'not-the-holder'
  | 'not-a-witness'
  /** A later coordinator was heard of. */
  | 'stale-fence'
  /** Farther above all that was heard than any mesh gets in its life. */
  | 'term-leap'
  | 'unknown-claim'
  | 'too-many-claims'
  /** A request that was answered before. */
  | 'replayed-request'
  /** The answer to no request of this process, or too late. */
  | 'not-asked'
  /** A presence that is not newer than what is known. */
  | 'not-newer'

/** A refused message: by which rule, and whether its sender must be blamed, since no honest node can ever send it. */
export interface Refusal {
  readonly rule: string
  readonly blame: boolean
}

/** For what may also be late, reordered, or repeated by the network. */
export function refused(rule: ClaimRule): Refusal {
  return { rule, blame: false }
}

export function blamed(rule: ClaimRule): Refusal {
  return { rule, blame: true }
}
