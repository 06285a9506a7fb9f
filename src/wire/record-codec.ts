import { parseMeshId } from '../core/ids.ts'
import {
  MAX_NODE_PACKAGES,
  MAX_ETAG_CHARS,
  MAX_PAGE_BYTES,
  MAX_TARGETS,
  MAX_WANT_SPECS
} from '../core/limits.ts'
import {
  ROLES,
  TRUST_LEVELS,
  WANT_PRIORITIES,
  type GenesisRecord,
  type Hardware,
  type InviteTerms,
  type JoinProof,
  type LostRecord,
  type MeshPolicy,
  type MeshRecord,
  type NodeRecord,
  type ObservedRecord,
  type ProjectSpec,
  type SkipRecord,
  type WantRecord
} from '../core/record.ts'
import { boolean, bytes, fields, integer, list, oneOf, optional, parsed, text, type Shape } from './shape.ts'
import {
  buildLimits,
  job,
  line,
  milliseconds,
  nodeId,
  packageName,
  project,
  sha256,
  targetId
} from './field-shapes.ts'
import { readResult } from './result-codec.ts'
import { malformed } from './wire-error.ts'

const readers: Readonly<Record<string, (map: Readonly<Record<string, unknown>>) => MeshRecord>> = {
  genesis: readGenesis,
  admit: (map) => ({
    kind: 'admit',
    subject: nodeId(map['subject'], 'subject'),
    proof: readJoinProof(map['proof'], 'proof')
  }),
  node: readNode,
  want: readWant,
  unwant: (map) => ({
    kind: 'unwant',
    projects: list(MAX_WANT_SPECS, project)(map['projects'], 'projects'),
    createdMs: milliseconds(map['createdMs'], 'createdMs')
  }),
  skip: (map) => ({ kind: 'skip', ...readSkip(map) }),
  unskip: (map) => ({ kind: 'unskip', ...readSkip(map) }),
  observed: readObserved,
  result: readResult,
  retract: (map) => ({
    kind: 'retract',
    file: sha256(map['file'], 'file'),
    reason: line(map['reason'], 'reason')
  }),
  lost: (map) => ({ kind: 'lost', ...readLost(map) }),
  found: (map) => ({ kind: 'found', ...readLost(map) }),
  attest: (map) => ({
    kind: 'attest',
    job: job(map['job'], 'job'),
    file: sha256(map['file'], 'file'),
    agrees: boolean(map['agrees'], 'agrees')
  }),
  revoke: (map) => ({
    kind: 'revoke',
    subject: nodeId(map['subject'], 'subject'),
    reason: line(map['reason'], 'reason')
  }),
  checkpoint: (map) => ({
    kind: 'checkpoint',
    root: sha256(map['root'], 'root'),
    count: integer(0, Number.MAX_SAFE_INTEGER)(map['count'], 'count')
  })
}

/** A record from what CBOR gave. Throws a WireError naming the field; a kind we do not know becomes `unknown`. */
export function readRecord(value: unknown): MeshRecord {
  const map = fields(value, 'record')
  const kind = text(40)(map['kind'], 'kind')
  const read = Object.hasOwn(readers, kind) ? readers[kind] : undefined
  return read === undefined ? { kind: 'unknown', name: kind } : read(map)
}

function readGenesis(map: Readonly<Record<string, unknown>>): GenesisRecord {
  const roots = list(MAX_TARGETS, nodeId)(map['roots'], 'roots')
  if (roots.length === 0) throw malformed('roots is empty')
  return {
    kind: 'genesis',
    name: text(100)(map['name'], 'name'),
    roots,
    policy: readPolicy(map['policy']),
    createdMs: milliseconds(map['createdMs'], 'createdMs'),
    nonce: text(64)(map['nonce'], 'nonce')
  }
}

function readPolicy(value: unknown): MeshPolicy {
  const map = fields(value, 'policy')
  return {
    publishQuorum: integer(1, 16)(map['publishQuorum'], 'publishQuorum'),
    replication: integer(1, 64)(map['replication'], 'replication'),
    defaultLevel: oneOf(TRUST_LEVELS)(map['defaultLevel'], 'defaultLevel')
  }
}

/** A join proof as a record or a door message carries it. */
export function readJoinProof(value: unknown, name: string): JoinProof {
  const map = fields(value, name)
  return {
    terms: bytes(1, 1024)(map['terms'], 'terms'),
    issuer: nodeId(map['issuer'], 'issuer'),
    issuerSignature: bytes(64, 64)(map['issuerSignature'], 'issuerSignature'),
    subjectSignature: bytes(64, 64)(map['subjectSignature'], 'subjectSignature')
  }
}

export function readInviteTerms(value: unknown): InviteTerms {
  const map = fields(value, 'terms')
  return {
    meshId: parsed(parseMeshId)(map['meshId'], 'meshId'),
    inviteKey: bytes(32, 32)(map['inviteKey'], 'inviteKey'),
    uses: integer(1, 100_000)(map['uses'], 'uses'),
    expiresMs: milliseconds(map['expiresMs'], 'expiresMs'),
    roles: list(ROLES.length, oneOf(ROLES))(map['roles'], 'roles'),
    level: oneOf(TRUST_LEVELS)(map['level'], 'level')
  }
}

function readNode(map: Readonly<Record<string, unknown>>): NodeRecord {
  return {
    kind: 'node',
    saidMs: milliseconds(map['saidMs'], 'saidMs'),
    label: text(100)(map['label'], 'label'),
    contact: text(200)(map['contact'], 'contact'),
    roles: list(ROLES.length, oneOf(ROLES))(map['roles'], 'roles'),
    targets: list(MAX_TARGETS, targetId)(map['targets'], 'targets'),
    hardware: readHardware(map['hardware']),
    software: text(100)(map['software'], 'software'),
    addresses: list(32, text(300))(map['addresses'], 'addresses'),
    ...optional(map, 'buildRefusal', line),
    ...optional(map, 'limits', buildLimits),
    ...optional(map, 'packages', list(MAX_NODE_PACKAGES, packageName))
  }
}

function readHardware(value: unknown): Hardware {
  const map = fields(value, 'hardware')
  return {
    arch: text(40)(map['arch'], 'arch'),
    cores: integer(1, 4096)(map['cores'], 'cores'),
    memoryBytes: integer(0, Number.MAX_SAFE_INTEGER)(map['memoryBytes'], 'memoryBytes'),
    model: text(200)(map['model'], 'model')
  }
}

const specs: Shape<readonly ProjectSpec[]> = list(MAX_WANT_SPECS, (value, name) => {
  const map = fields(value, name)
  return { project: project(map['project'], 'project'), specifier: text(300)(map['specifier'], 'specifier') }
})

function readWant(map: Readonly<Record<string, unknown>>): WantRecord {
  return {
    kind: 'want',
    specs: specs(map['specs'], 'specs'),
    targets: list(MAX_TARGETS, targetId)(map['targets'], 'targets'),
    priority: oneOf(WANT_PRIORITIES)(map['priority'], 'priority'),
    batch: boolean(map['batch'], 'batch'),
    atomic: boolean(map['atomic'], 'atomic'),
    createdMs: milliseconds(map['createdMs'], 'createdMs')
  }
}

function readSkip(map: Readonly<Record<string, unknown>>): Omit<SkipRecord, 'kind'> {
  return {
    project: project(map['project'], 'project'),
    version: text(200)(map['version'], 'version'),
    reason: line(map['reason'], 'reason'),
    createdMs: milliseconds(map['createdMs'], 'createdMs')
  }
}

function readLost(map: Readonly<Record<string, unknown>>): Omit<LostRecord, 'kind'> {
  return {
    file: sha256(map['file'], 'file'),
    createdMs: milliseconds(map['createdMs'], 'createdMs')
  }
}

function readObserved(map: Readonly<Record<string, unknown>>): ObservedRecord {
  return {
    kind: 'observed',
    project: project(map['project'], 'project'),
    serial: integer(0, Number.MAX_SAFE_INTEGER)(map['serial'], 'serial'),
    ...optional(map, 'page', sha256),
    pageSize: integer(0, MAX_PAGE_BYTES)(map['pageSize'], 'pageSize'),
    observedMs: milliseconds(map['observedMs'], 'observedMs'),
    ...optional(map, 'etag', text(MAX_ETAG_CHARS))
  }
}
