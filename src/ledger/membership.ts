import { bytesToHex } from '../core/hex.ts'
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
  /** By what admissions are in order. */
  readonly place: string
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
  /** Takes these records in the place of all that came before. */
  restore(records: readonly (readonly [author: NodeId, record: MeshRecord])[]): void
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
  /** Its key signed two histories: what it is and says counts as if a root had sent it away, also after {@link restore}. */
  expel(node: NodeId): void
  onChange(listener: () => void): void
}

export function createMembership(
  genesis: GenesisRecord,
  codec: Pick<EntryCodec, 'checkJoin'>,
  believed?: Member
): Membership {
  const admissions = new Admissions(codec)
  const gone = new Departures(genesis)
  const listeners: (() => void)[] = []
  let ever = admissions.resolve(foundersOf(genesis, believed))
  let members = gone.without(ever)
  let recorded = new Set(genesis.roots)

  function note(author: NodeId, record: MeshRecord): boolean {
    if (record.kind === 'admit') return admissions.add(author, record)
    return record.kind === 'revoke' && gone.add(author, record)
  }

  /** `isTold`: how far somebody counts is another matter now, whoever the members are. */
  function update(isTold = false): void {
    const before = [...members.keys()].join()
    ever = admissions.resolve(foundersOf(genesis, believed))
    members = gone.without(ever)
    recorded = new Set(admissions.resolve(foundersOf(genesis, undefined)).keys())
    if (isTold || [...members.keys()].join() !== before) for (const listener of listeners) listener()
  }

  return {
    apply(author, record) {
      if (note(author, record)) update()
    },
    restore(records) {
      admissions.forget()
      gone.forget()
      for (const [author, record] of records) note(author, record)
      update()
    },
    isMember: (node) => members.has(node),
    isRecorded: (node) => recorded.has(node) && members.has(node),
    get: (node) => members.get(node),
    all: () => [...members.values()],
    usesOf: (inviteKey) => admissions.usesOf(inviteKey),
    wasAdmitted: (node) => ever.has(node),
    levelOf: (node) => (gone.wasSentAway(node) ? undefined : ever.get(node)?.level),
    isRevoked: (node) => gone.has(node),
    expel(node) {
      if (gone.expel(node)) update(true)
    },
    onChange: (listener) => void listeners.push(listener)
  }
}

/** Who was let in by whom, as far as the proofs hold. */
class Admissions {
  readonly #codec: Pick<EntryCodec, 'checkJoin'>
  /** By what they say, so that it does not matter which came first: of two inviters the same one is named everywhere. */
  readonly #all: Admission[] = []
  readonly #subjectsByInvite = new Map<string, Set<NodeId>>()

  constructor(codec: Pick<EntryCodec, 'checkJoin'>) {
    this.#codec = codec
  }

  /** False when the proof does not hold. */
  add(author: NodeId, { subject, proof }: AdmitRecord): boolean {
    const terms = this.#codec.checkJoin(subject, proof)
    if (terms === undefined) return false
    const key = bytesToHex(terms.inviteKey)
    this.#subjectsByInvite.set(key, (this.#subjectsByInvite.get(key) ?? new Set()).add(subject))
    const { issuer } = proof
    const place = `${subject} ${issuer} ${author} ${bytesToHex(proof.subjectSignature)}`
    const before = this.#all.findIndex((other) => other.place > place)
    const admission = { place, author, subject, proof, issuer, roles: terms.roles, level: terms.level }
    this.#all.splice(before < 0 ? this.#all.length : before, 0, admission)
    return true
  }

  forget(): void {
    this.#all.length = 0
    this.#subjectsByInvite.clear()
  }

  usesOf(inviteKey: Uint8Array): number {
    return this.#subjectsByInvite.get(bytesToHex(inviteKey))?.size ?? 0
  }

  resolve(founders: readonly Member[]): Map<NodeId, Member> {
    return resolveMembers(founders, this.#all)
  }
}

/** Who belongs to the mesh no more: by a `revoke`, or because its key signed two histories. */
class Departures {
  readonly #genesis: GenesisRecord
  readonly #revoked = new Set<NodeId>()
  /** By a root, another one's word. */
  readonly #sentAway = new Set<NodeId>()
  readonly #expelled = new Set<NodeId>()

  constructor(genesis: GenesisRecord) {
    this.#genesis = genesis
  }

  /** False when it is not the author's to say. */
  add(author: NodeId, { subject }: RevokeRecord): boolean {
    if (author !== subject && !this.#genesis.roots.includes(author)) return false
    this.#revoked.add(subject)
    if (author !== subject) this.#sentAway.add(subject)
    return true
  }

  /** False when it is known already. Never undone. */
  expel(node: NodeId): boolean {
    const isNews = !this.#expelled.has(node)
    this.#expelled.add(node)
    return isNews
  }

  /** What records said, to be said anew. */
  forget(): void {
    this.#revoked.clear()
    this.#sentAway.clear()
  }

  has(node: NodeId): boolean {
    return this.#revoked.has(node) || this.#expelled.has(node)
  }

  wasSentAway(node: NodeId): boolean {
    return this.#sentAway.has(node) || this.#expelled.has(node)
  }

  without(all: ReadonlyMap<NodeId, Member>): Map<NodeId, Member> {
    return new Map([...all].filter(([node]) => !this.has(node)))
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
