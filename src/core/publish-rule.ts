import { compareFences } from './fence.ts'
import type { NodeId, Sha256 } from './ids.ts'
import { parseJobId } from './job.ts'
import type { Channel } from './published.ts'
import type { ResultRecord, TrustLevel, WheelRef } from './record.ts'
import { parseTarget } from './target.ts'
import { compareVersions, parseVersion } from './version.ts'
import { parseWheelName } from './wheel-name.ts'
import { wheelFitsTarget } from './wheel-tags.ts'

/** One result as evidence: who signed it, and how far that node is trusted (undefined: not a member, or one no more). */
export interface Vote {
  readonly author: NodeId
  readonly level: TrustLevel | undefined
  readonly record: ResultRecord
  /** Entry hash and index: unique, the same on every node. */
  readonly recordId: string
}

export interface PublishGates {
  /** Digests of the sdists that upstream lists for this release; a result of other bytes is no result of this release. */
  readonly sdists: ReadonlySet<Sha256>
  readonly retracted: ReadonlySet<Sha256>
  readonly skipped: boolean
  /** Independent equal results needed where no trusted builder vouches. */
  readonly quorum: number
}

export interface Publication {
  readonly vote: Vote
  readonly wheel: WheelRef
  readonly channel: Channel
}

/**
 * Which wheels of one release are listed: a pure function of the votes and the mesh's policy. Hard gates first, then a trusted
 * builder, or `quorum` builders with equal environment and bytes. Of two byte strings under one file name the canonical one is
 * listed: lowest (fence, record id), so that a later build never replaces an earlier one. docs/protocol/publishing.md
 */
export function publish(votes: readonly Vote[], gates: PublishGates): readonly Publication[] {
  if (gates.skipped) return []
  const admissible = votes.filter((vote) => passesGates(vote, gates)).sort(compareVotes)
  const listed = new Map<string, Publication>()
  for (const vote of admissible) {
    const wheel = vote.record.wheel
    if (wheel === undefined) continue
    const publication: Publication = { vote, wheel, channel: channelOf(vote, admissible, gates.quorum) }
    // disks and users that take no notice of case are to meet one file, too
    const name = wheel.filename.toLowerCase()
    const before = listed.get(name)
    if (before === undefined || (before.channel === 'testing' && publication.channel === 'stable')) {
      listed.set(name, publication)
    }
  }
  return [...listed.values()]
}

function passesGates({ level, record }: Vote, gates: PublishGates): boolean {
  const wheel = record.wheel
  return (
    wheel !== undefined &&
    level !== undefined &&
    record.environment.sandboxLevel > 0 &&
    gates.sdists.has(record.sdist.sha256) &&
    !gates.retracted.has(wheel.sha256) &&
    isNamedAsItsJob(record.job, wheel)
  )
}

/** A builder vouches for the release and the target of its job: under another name its wheel would pass for what nobody checked. */
function isNamedAsItsJob(job: ResultRecord['job'], { filename }: WheelRef): boolean {
  const { project, version, target } = parseJobId(job)
  const name = parseWheelName(filename)
  return (
    name?.project === project &&
    isSameVersion(name.version, version) &&
    wheelFitsTarget(name.tags, parseTarget(target))
  )
}

/** `1.0` and `1.0.0` are one (PEP 440). */
function isSameVersion(a: string, b: string): boolean {
  const [left, right] = [parseVersion(a), parseVersion(b)]
  return left !== undefined && right !== undefined && compareVersions(left, right) === 0
}

function channelOf(vote: Vote, all: readonly Vote[], quorum: number): Channel {
  if (vote.level === 'trusted') return 'stable'
  const agreeing = new Set(
    all
      .filter(
        ({ level, record }) =>
          level !== 'probation' &&
          record.wheel?.sha256 === vote.record.wheel?.sha256 &&
          record.environment.digest === vote.record.environment.digest
      )
      .map(({ author }) => author)
  )
  return agreeing.size >= quorum ? 'stable' : 'testing'
}

/** Lowest fence first, then the record's own id: a total order that needs no clock. */
function compareVotes(a: Vote, b: Vote): number {
  return compareFences(a.record.fence, b.record.fence) || (a.recordId < b.recordId ? -1 : 1)
}
