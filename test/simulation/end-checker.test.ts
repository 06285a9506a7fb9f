import { beforeEach, describe, expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { MeshId } from '../../src/core/ids.ts'
import type { Entry, MeshRecord } from '../../src/core/record.ts'
import { jobId } from '../../src/core/job.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { checkEnd, isQuiet, servedTargets } from '../../src/simulation/end-checker.ts'
import type { SimPackage } from '../../src/simulation/sim-packages.ts'
import type { SimMesh } from '../../src/simulation/sim-mesh.ts'
import type { SimProcess } from '../../src/simulation/sim-process.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { smallMesh, TARGET } from './sim-kit.ts'

/* A mesh of three real nodes that comes to rest; then one fault is planted, and the check at the end must find that one. */

const NUMPY = normalizeName('numpy')
const PACKAGE: SimPackage = { kind: 'compiled', project: NUMPY, versions: ['1.0'], meanBuildMs: 5_000 }
const JOB = jobId(NUMPY, '1.0', TARGET)

let mesh: SimMesh
let first: SimProcess
let last: SimProcess

beforeEach(async () => {
  const made = await smallMesh(3)
  mesh = made.mesh
  const awake = mesh.awake()
  first = awake[0]!
  last = awake.at(-1)!
})

async function buildNumpy(): Promise<void> {
  mesh.upstream.publish(PACKAGE)
  first.append(aWant({ specs: [{ project: NUMPY, specifier: '' }] }))
  await mesh.world.run(60_000)
}

function found(): readonly string[] {
  checkEnd(mesh.awake(), mesh.builds, mesh.violations)
  return [...new Set(mesh.violations.list().map(({ invariant }) => invariant))]
}

/** An entry with that record, which is in nobody's ledger. */
function entryOf(record: MeshRecord): Entry {
  return {
    meshId: sha256Hex('mesh') as string as MeshId,
    node: first.id,
    incarnation: '00000000000000aa',
    seq: 999,
    prev: sha256Hex('before'),
    hash: sha256Hex(JSON.stringify(record)),
    records: [record]
  }
}

test('a mesh that built what was asked for, and told everybody, is in order', async () => {
  await buildNumpy()
  expect(mesh.builds.counts()).toEqual({ builds: 1, duplicates: 0, results: 1 })
  expect(mesh.awake().every((process) => isQuiet(process, servedTargets(mesh.awake())))).toBe(true)
  expect(found()).toEqual([])
})

describe('found at the end', () => {
  test('ledgers-agree: a record that did not get to everybody', async () => {
    await buildNumpy()
    mesh.network.topology.cut(new Map([[last.id, 1]]), mesh.world.nowMs())
    last.append(aWant({ specs: [{ project: normalizeName('six'), specifier: '' }] }))
    await mesh.world.run(5_000)
    expect(found()).toContain('ledgers-agree')
  })

  test('queues-agree: equal ledgers, and one node that makes another queue of it', async () => {
    await buildNumpy()
    const skip = {
      kind: 'skip',
      project: normalizeName('numpy'),
      version: '',
      reason: 'planted',
      createdMs: 1
    } as const
    last.engine.board.apply(last.state.apply(entryOf(skip)))
    expect(found()).toContain('queues-agree')
  })

  test('indexes-agree: equal queues, and one node that would serve less', async () => {
    await buildNumpy()
    const [fact] = last.state.results.ofJob(JOB)
    last.state.apply(entryOf({ kind: 'retract', file: fact!.record.wheel!.sha256, reason: 'planted' }))
    expect(found()).toEqual(['indexes-agree'])
  })

  test('every-job-ends: a job that nobody takes', async () => {
    await buildNumpy()
    mesh.upstream.publish({ ...PACKAGE, project: normalizeName('six'), meanBuildMs: 3_600_000 })
    first.append(aWant({ specs: [{ project: normalizeName('six'), specifier: '' }] }))
    await mesh.world.run(60_000)
    expect(mesh.awake().every((process) => isQuiet(process, servedTargets(mesh.awake())))).toBe(false)
    expect(found()).toContain('every-job-ends')
  })

  test('no-lost-result: a result that was on a disk and is in no ledger', async () => {
    await buildNumpy()
    mesh.builds.published(first, { ...aResult(), job: JOB, startedMs: 1 })
    expect(found()).toEqual(['no-lost-result'])
  })

  test('bounded-duplicates: the check of the bounds is part of it', async () => {
    await buildNumpy()
    const builder = mesh.builds.results()[0]!.process
    const other = mesh.awake().find((process) => process !== builder)!
    const known = builder.state.results.ofJob(JOB)[0]!.record
    mesh.builds.began(other, JOB)
    mesh.builds.published(other, known)
    expect(found()).toContain('bounded-duplicates')
  })
})

describe('no-error, as soon as it happens', () => {
  test('a start that fails', async () => {
    const { disk } = last.machine
    const entryStore = disk.entryStore.bind(disk)
    disk.entryStore = (host) => ({
      ...entryStore(host),
      all: () => {
        throw new Error('planted')
      }
    })
    mesh.kill(last)
    mesh.boot(last.machine)
    await mesh.world.run(1_000)
    expect(mesh.violations.list()).toMatchObject([{ invariant: 'no-error' }])
    expect(mesh.violations.list()[0]?.what).toContain('a start failed: Error: planted')
  })

  test('bytes from an honest node that a node refuses', async () => {
    await last.hearEntry(first.id, new Uint8Array(4).fill(0xff))
    expect(mesh.violations.list()).toMatchObject([
      { invariant: 'no-error', what: `${last.id} refused an entry of ${first.id}` }
    ])
  })
})
