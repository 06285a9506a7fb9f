import { beforeAll, describe, expect, test } from 'vitest'
import { proveCoordination, type Proof } from '../../scripts/prove-coordination/prove.ts'

/*
 * `npm run prove:coordination` in short: real processes with a fake builder, whose coordinator is killed, paused and stopped, and
 * which are then cut into two halves. Times are told, not judged: they depend on what else this machine does.
 */

const JOBS = 40

describe('five nodes lose their coordinator in three ways and are cut in two', () => {
  let proof: Proof
  const story: string[] = []

  beforeAll(async () => {
    proof = await proveCoordination({
      nodes: 5,
      jobs: JOBS,
      buildMs: '3000-6000',
      times: { awayMs: 0, pausedMs: 12_000, cutMs: 15_000, calmMs: 0 },
      say: (line) => story.push(line)
    }).catch((error: unknown) => {
      console.log(story.join('\n'))
      throw error
    })
  }, 600_000)

  test('no promise of the protocol is broken', () => {
    expect(proof.violations, story.join('\n')).toEqual([])
  })

  test('every job is built, once, or once in each half of the cut', () => {
    const { 0: never = 0, 1: once = 0, 2: twice = 0, ...more } = proof.buildsPerJob
    expect({ never, more }).toEqual({ never: 0, more: {} })
    expect(once + twice).toBe(JOBS)
    expect(twice).toBe(proof.builtInBothHalves.length)
  })

  test('every build that came to an end is in every ledger', () => {
    expect(proof.lost).toEqual([])
    expect(proof.signed).toBeGreaterThanOrEqual(JOBS - proof.unsignedAtDeath.length)
  })

  test('after each loss another coordinator granted', () => {
    const losses = proof.failOvers.filter(({ how }) => how !== 'cut')
    expect(losses.map(({ how }) => how)).toEqual(['kill -9', 'SIGSTOP', 'SIGTERM'])
    for (const { how, ms } of losses) expect(ms, how).toBeGreaterThan(0)
  })

  test('builds went on while the mesh was cut', () => {
    expect(proof.begunInHalves[0] + proof.begunInHalves[1]).toBeGreaterThan(0)
  })

  test('all nodes serve the same index', () => {
    expect(proof.index.bodies).toBeGreaterThan(JOBS / 5)
    expect(proof.index.different).toEqual([])
  })
})
