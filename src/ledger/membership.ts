import type { NodeId } from '../core/ids.ts'
import type {
  AdmitRecord,
  GenesisRecord,
  JoinProof,
  MeshRecord,
  RevokeRecord,
  Role,
  TrustLevel
} from '../core/record.ts'
import { ROLES, TRUST_LEVELS } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'

/** A node that belongs to the mesh. */
export interface Member {
  readonly node: NodeId
  readonly roles: readonly Role[]
  readonly level: TrustLevel
  /** The inviter; undefined for a root. */
  readonly invitedBy?: NodeId
  /** What let it in; undefined for a root. */
  readonly proof?: JoinProof
}

interface Admission {
  readonly proof: JoinProof
  readonly author: NodeId
  readonly subject: NodeId
  readonly issuer: NodeId
  readonly roles: readonly Role[]
  readonly level: TrustLevel
}

/**
 * Who belongs to the mesh, as a pure function of the `admit` and `revoke` records: roots, and every subject whose proof holds, whose
 * issuer is a keeper and whose voucher (the record's author) is a member. Recomputed from scratch on each such record, so
 * that the order of arrival never matters; a mesh has few of them. `believed` is this node itself, until its admission comes in.
 */
export interface Membership {
  apply(author: NodeId, record: MeshRecord): void
  isMember(node: NodeId): boolean
  /** Its admission is in the ledger: others can know of it. */
  isRecorded(node: NodeId): boolean
  get(node: NodeId): Member | undefined
  all(): readonly Member[]
  /** How many subjects an invite key has let in. */
  usesOf(inviteKey: Uint8Array): number
  /** How far results of a node count: those of one that left by itself stay, a root's word ends them. */
  levelOf(node: NodeId): TrustLevel | undefined
  /** It belonged to the mesh at some time: what it wrote is kept, so that all ledgers stay equal. */
  wasAdmitted(node: NodeId): boolean
  /** Has this node been told to go, or gone by itself? */
  isRevoked(node: NodeId): boolean
  onChange(listener: () => void): void
}

export function createMembership(
  genesis: GenesisRecord,
  codec: Pick<EntryCodec, 'checkJoin'>,
  believed?: Member
): Membership {
  const admissions: Admission[] = []
  const revocations: { author: NodeId; subject: NodeId }[] = []
  const subjectsByInvite = new Map<string, Set<NodeId>>()
  const listeners: (() => void)[] = []
  let ever = resolve()
  let members = withoutRevoked(ever)
  let recorded = new Set(genesis.roots)

  function resolve(): Map<NodeId, Member> {
    return resolveMembers(foundersOf(genesis, believed), admissions)
  }

  function withoutRevoked(all: ReadonlyMap<NodeId, Member>): Map<NodeId, Member> {
    return new Map([...all].filter(([node]) => !revocations.some(({ subject }) => subject === node)))
  }

  function admit(author: NodeId, { subject, proof }: AdmitRecord): boolean {
    const terms = codec.checkJoin(subject, proof)
    if (terms === undefined) return false
    const key = keyText(terms.inviteKey)
    subjectsByInvite.set(key, (subjectsByInvite.get(key) ?? new Set()).add(subject))
    admissions.push({ author, subject, proof, issuer: proof.issuer, roles: terms.roles, level: terms.level })
    return true
  }

  function revoke(author: NodeId, { subject }: RevokeRecord): boolean {
    if (author !== subject && !genesis.roots.includes(author)) return false
    revocations.push({ author, subject })
    return true
  }

  return {
    apply(author, record) {
      const changed =
        record.kind === 'admit'
          ? admit(author, record)
          : record.kind === 'revoke'
            ? revoke(author, record)
            : false
      if (!changed) return
      const before = [...members.keys()].join()
      ever = resolve()
      members = withoutRevoked(ever)
      recorded = new Set(resolveMembers(foundersOf(genesis, undefined), admissions).keys())
      if ([...members.keys()].join() !== before) for (const listener of listeners) listener()
    },
    isMember: (node) => members.has(node),
    isRecorded: (node) => recorded.has(node) && members.has(node),
    get: (node) => members.get(node),
    all: () => [...members.values()],
    usesOf: (inviteKey) => subjectsByInvite.get(keyText(inviteKey))?.size ?? 0,
    wasAdmitted: (node) => ever.has(node),
    levelOf(node) {
      const expelled = revocations.some(({ author, subject }) => subject === node && author !== node)
      return expelled ? undefined : ever.get(node)?.level
    },
    isRevoked: (node) => revocations.some(({ subject }) => subject === node),
    onChange: (listener) => void listeners.push(listener)
  }
}

/**
 * Grows the set of members until no admission adds anything. Several admissions of one node add up (all their roles, the highest
 * level), so that it does not matter which came first. Whom a node let in stays when that node goes.
 */
function resolveMembers(founders: readonly Member[], admissions: readonly Admission[]): Map<NodeId, Member> {
  const ever = new Map<NodeId, Member>(founders.map((member) => [member.node, member]))
  for (let grew = true; grew;) {
    grew = false
    for (const admission of admissions) {
      const isVouched = ever.has(admission.author)
      const mayInvite = ever.get(admission.issuer)?.roles.includes('keeper') === true
      if (isVouched && mayInvite && addAdmission(ever, admission)) grew = true
    }
  }
  return new Map([...ever].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** True when the admission made a member, or made it more. */
function addAdmission(
  ever: Map<NodeId, Member>,
  { subject, issuer, roles, level, proof }: Admission
): boolean {
  const known = ever.get(subject)
  if (known === undefined) {
    ever.set(subject, { node: subject, roles, level, invitedBy: issuer, proof })
    return true
  }
  const allRoles = ROLES.filter((role) => known.roles.includes(role) || roles.includes(role))
  const highest =
    TRUST_LEVELS[Math.max(TRUST_LEVELS.indexOf(known.level), TRUST_LEVELS.indexOf(level))] ?? level
  if (allRoles.length === known.roles.length && highest === known.level) return false
  ever.set(subject, { ...known, roles: allRoles, level: highest })
  return true
}

/** The roots; and this node itself, which was let in but has not read so yet. */
function foundersOf(genesis: GenesisRecord, believed: Member | undefined): readonly Member[] {
  const roots = genesis.roots.map((node): Member => ({ node, roles: ROLES, level: 'trusted' }))
  return believed === undefined || genesis.roots.includes(believed.node) ? roots : [...roots, believed]
}

function keyText(key: Uint8Array): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
