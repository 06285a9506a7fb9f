import { parseProjectName } from '../core/distribution.ts'
import type { Fence } from '../core/fence.ts'
import { isNodeId, isSha256, parseMeshId, type JobId, type NodeId } from '../core/ids.ts'
import { jobId, parseJobId, type SdistRef } from '../core/job.ts'
import {
  MAX_BLOB_BYTES,
  MAX_PAGE_BYTES,
  MAX_TARGETS,
  MAX_TEXT_CHARS,
  MAX_WANT_SPECS
} from '../core/limits.ts'
import {
  FAILURE_CLASSES,
  ROLES,
  TRUST_LEVELS,
  WANT_PRIORITIES,
  type BlobRef,
  type BuildEnvironment,
  type Failure,
  type GenesisRecord,
  type Hardware,
  type InviteTerms,
  type JoinProof,
  type MeshPolicy,
  type MeshRecord,
  type NodeRecord,
  type ObservedRecord,
  type ProjectSpec,
  type ResultRecord,
  type WantRecord,
  type WheelRef
} from '../core/record.ts'
import { isTargetId } from '../core/target.ts'
import {
  boolean,
  bytes,
  fields,
  integer,
  list,
  matching,
  oneOf,
  optional,
  parsed,
  text,
  type Shape
} from './shape.ts'
import { malformed } from './wire-error.ts'

const nodeId = matching(isNodeId, 'a node id')
const sha256 = matching(isSha256, 'a sha256')
const targetId = matching(isTargetId, 'a target')
const project = parsed(parseProjectName)
const job: Shape<JobId> = (value, name) => {
  const { project, version, target } = parsed(parseJobId)(value, name)
  return jobId(project, version, target)
}
const line = text(MAX_TEXT_CHARS)
/** File names on Linux end at 255 bytes. */
const fileName: Shape<string> = (value, name) => {
  const found = text(255)(value, name)
  if (!/^[A-Za-z0-9][\w.+!-]*$/.test(found)) throw malformed(`${name} is not a plain file name`)
  return found
}
const milliseconds = integer(0, Number.MAX_SAFE_INTEGER)
/** A fence counts elections and view changes: at one a second, 2^40 last for 34,000 years. */
const counter = integer(0, 2 ** 40)
const blobSize = integer(0, MAX_BLOB_BYTES)

const readers: Readonly<Record<string, (map: Readonly<Record<string, unknown>>) => MeshRecord>> = {
  genesis: readGenesis,
  admit: (map) => ({
    kind: 'admit',
    subject: nodeId(map['subject'], 'subject'),
    proof: readJoinProof(map['proof'], 'proof')
  }),
  node: readNode,
  want: readWant,
  unwant: (map) => ({ kind: 'unwant', specs: specs(map['specs'], 'specs') }),
  skip: (map) => ({ kind: 'skip', ...readSkip(map) }),
  unskip: (map) => ({ kind: 'unskip', ...readSkip(map) }),
  observed: readObserved,
  result: readResult,
  retract: (map) => ({
    kind: 'retract',
    file: sha256(map['file'], 'file'),
    reason: line(map['reason'], 'reason')
  }),
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
    label: text(100)(map['label'], 'label'),
    contact: text(200)(map['contact'], 'contact'),
    roles: list(ROLES.length, oneOf(ROLES))(map['roles'], 'roles'),
    targets: list(MAX_TARGETS, targetId)(map['targets'], 'targets'),
    hardware: readHardware(map['hardware']),
    software: text(100)(map['software'], 'software'),
    addresses: list(32, text(300))(map['addresses'], 'addresses'),
    ...optional(map, 'buildRefusal', line)
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

function readSkip(map: Readonly<Record<string, unknown>>): {
  project: ProjectSpec['project']
  version: string
  reason: string
} {
  return {
    project: project(map['project'], 'project'),
    version: text(200)(map['version'], 'version'),
    reason: line(map['reason'], 'reason')
  }
}

function readObserved(map: Readonly<Record<string, unknown>>): ObservedRecord {
  return {
    kind: 'observed',
    project: project(map['project'], 'project'),
    serial: integer(0, Number.MAX_SAFE_INTEGER)(map['serial'], 'serial'),
    ...optional(map, 'page', sha256),
    pageSize: integer(0, MAX_PAGE_BYTES)(map['pageSize'], 'pageSize'),
    observedMs: milliseconds(map['observedMs'], 'observedMs')
  }
}

function readResult(map: Readonly<Record<string, unknown>>): ResultRecord {
  const outcome = { ...optional(map, 'wheel', readWheel), ...optional(map, 'failure', readFailure) }
  if ((outcome.wheel === undefined) === (outcome.failure === undefined)) {
    throw malformed('a result has either a wheel or a failure')
  }
  return {
    kind: 'result',
    job: job(map['job'], 'job'),
    sdist: readSdist(map['sdist'], 'sdist'),
    fence: readFence(map['fence'], 'fence'),
    ...outcome,
    log: readBlobRef(map['log'], 'log'),
    startedMs: milliseconds(map['startedMs'], 'startedMs'),
    durationMs: milliseconds(map['durationMs'], 'durationMs'),
    environment: readEnvironment(map['environment'])
  }
}

function readSdist(value: unknown, name: string): SdistRef {
  const map = fields(value, name)
  return {
    filename: fileName(map['filename'], 'filename'),
    sha256: sha256(map['sha256'], 'sha256'),
    ...optional(map, 'size', blobSize)
  }
}

/** A fence as a record or a coordination message carries it. */
export function readFence(value: unknown, name: string): Fence {
  const map = fields(value, name)
  return {
    epoch: counter(map['epoch'], 'epoch'),
    view: text(16)(map['view'], 'view'),
    term: counter(map['term'], 'term'),
    holder: nodeId(map['holder'], 'holder')
  }
}

const readFailure: Shape<Failure> = (value, name) => {
  const map = fields(value, name)
  return {
    class: oneOf(FAILURE_CLASSES)(map['class'], 'class'),
    cause: text(100)(map['cause'], 'cause'),
    reason: line(map['reason'], 'reason')
  }
}

const readWheel: Shape<WheelRef> = (value, name) => {
  const map = fields(value, name)
  return {
    filename: fileName(map['filename'], 'filename'),
    sha256: sha256(map['sha256'], 'sha256'),
    size: blobSize(map['size'], 'size'),
    metadata: sha256(map['metadata'], 'metadata'),
    metadataSize: blobSize(map['metadataSize'], 'metadataSize'),
    requiresPython: text(300)(map['requiresPython'], 'requiresPython'),
    aptPackages: list(200, text(100))(map['aptPackages'], 'aptPackages'),
    glibcFloor: text(20)(map['glibcFloor'], 'glibcFloor')
  }
}

function readBlobRef(value: unknown, name: string): BlobRef {
  const map = fields(value, name)
  return { sha256: sha256(map['sha256'], 'sha256'), size: blobSize(map['size'], 'size') }
}

function readEnvironment(value: unknown): BuildEnvironment {
  const map = fields(value, 'environment')
  return {
    digest: sha256(map['digest'], 'digest'),
    python: text(200)(map['python'], 'python'),
    compiler: text(200)(map['compiler'], 'compiler'),
    os: text(200)(map['os'], 'os'),
    sandboxLevel: integer(0, 3)(map['sandboxLevel'], 'sandboxLevel'),
    requirements: list(200, text(400))(map['requirements'], 'requirements')
  }
}

/** Type guard for lists of nodes in coordination messages. */
export function readNodeIds(value: unknown, name: string, max: number): readonly NodeId[] {
  return list(max, nodeId)(value, name)
}
