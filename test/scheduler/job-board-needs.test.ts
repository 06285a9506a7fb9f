import { beforeEach, describe, expect, test } from 'vitest'
import { jobId } from '../../src/core/job.ts'
import type { ResultRecord } from '../../src/core/record.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { aMesh, cp311, cp313, cp39, demo, everybody, failing, failure } from './board-mesh.ts'

let mesh = aMesh()
beforeEach(() => {
  mesh = aMesh()
})

describe('a job that needs more than it had', () => {
  const MiB = 1024 ** 2
  const limits = { memoryBytes: 1_000 * MiB, diskBytes: 4_000 * MiB, wallMs: 3_600_000 }
  const larger = { ...limits, memoryBytes: 1_250 * MiB }
  const job = jobId(demo, '1.0', cp311)
  const tooLittle = (term = 1): ResultRecord =>
    failing(
      cp311,
      { class: 'resource', cause: 'out-of-memory', reason: 'too little' },
      { fence: { ...aResult().fence, term }, limits }
    )
  const stateOf = (board: typeof mesh.board): unknown => board.get(job)?.state

  beforeEach(() => {
    mesh = aMesh([cp311])
    mesh.feed(aWant())
    mesh.observe()
  })

  test('fails while no node offers more, and says how much there is', () => {
    mesh.say({ limits })
    mesh.feed(tooLittle())
    expect(stateOf(mesh.board)).toMatchObject({
      kind: 'failed',
      failure: { reason: 'too little; no node of the mesh offers more than 1000 MiB of memory' }
    })
  })

  test('is open again when a node says that it offers enough, and only for nodes that have as much', () => {
    mesh.feed(tooLittle())
    expect(mesh.board.get(job)?.state.kind).toBe('failed')
    mesh.say({ limits: larger })
    expect(stateOf(mesh.board)).toMatchObject({
      kind: 'open',
      failures: 0,
      needs: { memoryBytes: 1_250 * MiB }
    })
    expect([...mesh.board.openJobs(cp311, { isServed: everybody })]).toEqual([job])
    expect(mesh.board.fits(job, limits)).toBe(false)
    expect(mesh.board.fits(job, { ...larger, diskBytes: 0, wallMs: 0 })).toBe(true)
    mesh.say({ limits })
    expect(mesh.board.get(job)?.state.kind).toBe('failed')
  })

  test('is built elsewhere meanwhile: nothing else waits for it', () => {
    const both = aMesh([cp311, cp313])
    both.feed(aWant())
    both.observe()
    both.say({ limits: larger }, [cp311, cp313])
    both.feed(tooLittle())
    expect(both.states()).toEqual({ 'demo==1.0 cp311': 'open', 'demo==1.0 cp313': 'open' })
  })

  test('waits for the package that was missing, and is granted to a node that has it', () => {
    const cause = { class: 'missing-dependency', cause: 'missing-header', reason: 'jpeglib.h' } as const
    mesh.feed(failing(cp311, { ...cause, missing: 'libjpeg-dev' }))
    expect(stateOf(mesh.board)).toMatchObject({
      kind: 'failed',
      failure: { reason: 'jpeglib.h; no node of the mesh has what it needs: libjpeg-dev' }
    })
    mesh.say({ packages: ['libjpeg-dev'] })
    expect(mesh.board.get(job)?.state.kind).toBe('open')
    expect(mesh.board.fits(job, limits)).toBe(false)
    expect(mesh.board.fits(job, limits, mesh.root.nodeId)).toBe(true)
  })

  test('an ordinary job fits everybody, one that is not on the board nobody', () => {
    const nothing = { memoryBytes: 0, diskBytes: 0, wallMs: 0 }
    expect(mesh.board.fits(job, nothing)).toBe(true)
    expect(mesh.board.fits(jobId(demo, '9.9', cp311), nothing)).toBe(false)
  })

  test('after a failure that may pass, the board says which node to pass over', () => {
    mesh.feed(failure(cp311, 'transient'))
    expect(mesh.board.failedOn(job)).toBe(mesh.root.nodeId)
    mesh.feed(tooLittle(2))
    expect(mesh.board.failedOn(job)).toBeUndefined()
  })
})

test('a node record that changes nothing for builds changes no job, and nobody is told of one', () => {
  mesh.feed(aWant())
  mesh.observe()
  const told: unknown[] = []
  mesh.board.onChange((rows) => told.push(rows))
  const before = [...mesh.board.rows()]
  mesh.say({ label: 'another name' }, [cp39, cp311, cp313])
  expect(told).toEqual([])
  expect([...mesh.board.rows()]).toEqual(before)
})
