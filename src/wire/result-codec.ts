import type { Fence } from '../core/fence.ts'
import type { SdistRef } from '../core/job.ts'
import {
  FAILURE_CLASSES,
  SMOKE_OUTCOMES,
  type BlobRef,
  type BuildEnvironment,
  type Failure,
  type ResultRecord,
  type SmokeTest,
  type WheelRef
} from '../core/record.ts'
import {
  blobSize,
  buildLimits,
  counter,
  fileName,
  job,
  line,
  milliseconds,
  nodeId,
  packageName,
  sha256
} from './field-shapes.ts'
import { fields, integer, list, oneOf, optional, text, type Shape } from './shape.ts'
import { malformed } from './wire-error.ts'

/** Of the texts and lists in a result, for both of its readers. */
export const RESULT_BOUNDS = {
  viewChars: 16,
  pythonRangeChars: 300,
  glibcFloorChars: 20,
  titleChars: 200,
  sandboxLevel: 3,
  aptPackages: 200,
  requirements: 200,
  requirementChars: 400,
  smokeModules: 1_000,
  networkHosts: 64,
  hostChars: 260
} as const

// made once: a ledger has millions of results
const fenceView = text(RESULT_BOUNDS.viewChars)
const failureClass = oneOf(FAILURE_CLASSES)
const cause = text(100)
const pythonRange = text(RESULT_BOUNDS.pythonRangeChars)
const aptPackages = list(RESULT_BOUNDS.aptPackages, packageName)
const glibcFloor = text(RESULT_BOUNDS.glibcFloorChars)
const title = text(RESULT_BOUNDS.titleChars)
const sandboxLevel = integer(0, RESULT_BOUNDS.sandboxLevel)
const smokeOutcome = oneOf(SMOKE_OUTCOMES)
const smokeModules = integer(0, RESULT_BOUNDS.smokeModules)
const network = list(RESULT_BOUNDS.networkHosts, text(RESULT_BOUNDS.hostChars))
const requirements = list(RESULT_BOUNDS.requirements, text(RESULT_BOUNDS.requirementChars))

/** A `result` record. */
export function readResult(map: Readonly<Record<string, unknown>>): ResultRecord {
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
    environment: readEnvironment(map['environment']),
    ...optional(map, 'limits', buildLimits),
    ...optional(map, 'pass', counter),
    ...optional(map, 'builtAs', job)
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
    view: fenceView(map['view'], 'view'),
    term: counter(map['term'], 'term'),
    holder: nodeId(map['holder'], 'holder')
  }
}

const readFailure: Shape<Failure> = (value, name) => {
  const map = fields(value, name)
  return {
    class: failureClass(map['class'], 'class'),
    cause: cause(map['cause'], 'cause'),
    reason: line(map['reason'], 'reason'),
    ...optional(map, 'missing', packageName)
  }
}

const readWheel: Shape<WheelRef> = (value, name) => {
  const map = fields(value, name)
  return {
    filename: fileName(map['filename'], 'filename'),
    sha256: sha256(map['sha256'], 'sha256'),
    size: blobSize(map['size'], 'size'),
    ...optional(map, 'pieces', sha256),
    metadata: sha256(map['metadata'], 'metadata'),
    metadataSize: blobSize(map['metadataSize'], 'metadataSize'),
    requiresPython: pythonRange(map['requiresPython'], 'requiresPython'),
    aptPackages: aptPackages(map['aptPackages'], 'aptPackages'),
    glibcFloor: glibcFloor(map['glibcFloor'], 'glibcFloor'),
    ...optional(map, 'normalized', sha256),
    ...optional(map, 'smoke', readSmoke),
    ...optional(map, 'suspicious', line)
  }
}

const readSmoke: Shape<SmokeTest> = (value, name) => {
  const map = fields(value, name)
  return {
    outcome: smokeOutcome(map['outcome'], 'outcome'),
    modules: smokeModules(map['modules'], 'modules'),
    reason: line(map['reason'], 'reason')
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
    python: title(map['python'], 'python'),
    compiler: title(map['compiler'], 'compiler'),
    os: title(map['os'], 'os'),
    sandboxLevel: sandboxLevel(map['sandboxLevel'], 'sandboxLevel'),
    requirements: requirements(map['requirements'], 'requirements'),
    ...optional(map, 'network', network)
  }
}
