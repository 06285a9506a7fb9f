import { beforeEach, describe, expect, test } from 'vitest'
import type { ClaimNote, CoordinationMessage } from '../../src/core/coordination.ts'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import { CLAIM_TTL_MS, PROGRESS_AGAIN_MS } from '../../src/core/limits.ts'
import { ResultTeller } from '../../src/scheduler/result-teller.ts'
import { TARGET } from './mesh.ts'

const claim: ClaimNote = {
  job: `demo==1.0@${TARGET}` as JobId,
  builder: 'node-01' as NodeId,
  fence: { epoch: 1, view: 'abcd', term: 2, holder: 'node-00' as NodeId }
}

const STARTED_MS = 1_700_000_000_000
let holder: NodeId | undefined
let said: { readonly to: NodeId; readonly message: CoordinationMessage }[]
let teller: ResultTeller

beforeEach(() => {
  holder = 'node-00' as NodeId
  said = []
  teller = new ResultTeller({
    holder: () => holder,
    shardOf: () => TARGET,
    send: (to, message) => said.push({ to, message })
  })
})

describe('a result on the disk of its builder', () => {
  test('is told to the coordinator at once, and again until that one has it', () => {
    teller.tell(claim, STARTED_MS, 0)
    teller.tick(PROGRESS_AGAIN_MS - 1)
    expect(said).toEqual([
      { to: 'node-00', message: { kind: 'progress', shard: TARGET, claim, ended: STARTED_MS } }
    ])
    teller.tick(PROGRESS_AGAIN_MS)
    expect(said.length).toBe(2)
    expect(teller.known(claim)).toBe(true)
    teller.tick(10 * PROGRESS_AGAIN_MS)
    expect(said.length).toBe(2)
    expect([...teller.jobs()]).toEqual([])
  })

  test('keeps its claim meanwhile', () => {
    teller.tell(claim, STARTED_MS, 0)
    expect([...teller.jobs()]).toEqual([claim.job])
    expect(teller.has(claim.job)).toBe(true)
  })

  test('is told to a new coordinator at once, and to nobody while there is none', () => {
    holder = undefined
    teller.tell(claim, STARTED_MS, 0)
    expect(said).toEqual([])
    holder = 'node-02' as NodeId
    teller.newHolder(TARGET, 1_000)
    expect(said.map(({ to }) => to)).toEqual(['node-02'])
  })

  test('is not forgotten for the answer about an earlier claim on the same job', () => {
    teller.tell(claim, STARTED_MS, 0)
    expect(teller.known({ ...claim, fence: { ...claim.fence, term: 1 } })).toBe(false)
    expect(teller.has(claim.job)).toBe(true)
  })

  test('is left to sync when nobody answers for as long as a claim lives', () => {
    teller.tell(claim, STARTED_MS, 0)
    teller.tick(CLAIM_TTL_MS + 1)
    expect([...teller.jobs()]).toEqual([])
  })
})
