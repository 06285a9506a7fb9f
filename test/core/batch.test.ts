import { describe, expect, test } from 'vitest'
import { failedPasses, groupBatches, isBatchWant, roundsOf, type BatchWant } from '../../src/core/batch.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { BATCH_GATHER_MS, BATCH_QUIET_MS, MAX_TRANSIENT_ATTEMPTS } from '../../src/core/limits.ts'
import type { FailureClass } from '../../src/core/record.ts'
import { signerOf } from '../support/fixture-keys.ts'

const [anna, ben] = [signerOf('root').nodeId, signerOf('builder').nodeId]
const aWant = (id: string, createdMs: number, over: Partial<BatchWant> = {}): BatchWant => ({
  id,
  author: anna,
  atomic: false,
  createdMs,
  ...over
})
const grouped = (...wants: readonly BatchWant[]): readonly string[] =>
  groupBatches(wants).map(({ wantIds }) => wantIds.join(' '))

describe('which wants are one batch', () => {
  test('those that are no farther apart than the quiet time, one after the other', () => {
    const [second, third] = [BATCH_QUIET_MS, 2 * BATCH_QUIET_MS]
    expect(grouped(aWant('a', 0), aWant('b', second), aWant('c', third))).toEqual(['a b c'])
    expect(grouped(aWant('a', 0), aWant('b', second + 1))).toEqual(['a', 'b'])
  })

  test('whichever came in first; its name is its first want’s', () => {
    const batches = groupBatches([aWant('b', 4_000), aWant('c', 8_000), aWant('a', 0)])
    expect(batches).toEqual([{ id: 'a', atomic: false, startMs: 0, wantIds: ['a', 'b', 'c'] }])
  })

  test('of one author, and all atomic or none', () => {
    expect(
      grouped(
        aWant('a', 0),
        aWant('b', 1, { author: ben }),
        aWant('c', 2, { atomic: true }),
        aWant('d', 3),
        aWant('e', 4, { author: ben })
      )
    ).toEqual(['a d', 'b e', 'c'])
  })

  test('one that is added to again and again starts all the same', () => {
    const step = BATCH_QUIET_MS - 1
    const count = Math.ceil((2 * BATCH_GATHER_MS) / step)
    const batches = groupBatches(Array.from({ length: count }, (_, n) => aWant(`${n}`, n * step)))
    expect(batches.length).toBe(2)
    expect(batches[1]!.startMs).toBeGreaterThan(BATCH_GATHER_MS)
  })

  test('a want without targets grows with the mesh, so it is no batch', () => {
    const targets = ['cp311-linux_armv7l-glibc2.36' as TargetId]
    expect(isBatchWant({ batch: true, targets })).toBe(true)
    expect(isBatchWant({ batch: true, targets: [] })).toBe(false)
    expect(isBatchWant({ batch: false, targets })).toBe(false)
  })
})

describe('the passes of a cell that failed', () => {
  const passes = (...failed: readonly (readonly [number, FailureClass])[]): readonly number[] =>
    failedPasses(failed.map(([pass, kind]) => ({ pass, failure: { class: kind, cause: 'x', reason: 'y' } })))

  test.for<[string, readonly (readonly [number, FailureClass])[], readonly number[]]>([
    ['nothing built', [], []],
    ['a package failure', [[1, 'package']], [1]],
    ['a missing header', [[1, 'missing-dependency']], [1]],
    ['not enough memory', [[1, 'resource']], [1]],
    ['twice, once in each half of a cut mesh', [[1, 'package'], [1, 'package']], [1]], // prettier-ignore
    ['again in the second round', [[1, 'package'], [2, 'package']], [1, 2]], // prettier-ignore
    ['the machine’s fault, however often', Array.from({ length: 30 }, () => [1, 'infra'] as const), []],
    ['the network: it is tried again within the round', [[1, 'transient']], []],
    ['until it was tried too often', Array.from({ length: MAX_TRANSIENT_ATTEMPTS }, () => [1, 'transient'] as const), [1]], // prettier-ignore
    ['transient failures of other rounds do not add up', [[1, 'package'], [1, 'transient'], [1, 'transient'], [2, 'transient'], [2, 'transient'], [2, 'transient']], [1]], // prettier-ignore
    ['a late result of the first round', [[2, 'package'], [1, 'package']], [1, 2]], // prettier-ignore
    ['a builder that counts wrongly counts once', [[2 ** 40, 'package']], [2 ** 40]]
  ])('%s', ([, failed, expected]) => {
    expect(passes(...failed)).toEqual(expected)
  })
})

describe('rounds', () => {
  const cell = (failed: number, ended = false): { failed: number; ended: boolean } => ({ failed, ended })

  test.for<[string, readonly { failed: number; ended: boolean }[], number, boolean]>([
    ['nothing to do', [], 1, true],
    ['nothing built yet', [cell(0), cell(0)], 1, false],
    ['all built', [cell(0, true), cell(0, true)], 1, true],
    ['one failed, one still builds: its round is not over', [cell(1), cell(0)], 1, false],
    ['A needs B, both new: B is built, A is tried again', [cell(1), cell(0, true)], 2, false],
    ['and the second time A succeeds', [cell(1, true), cell(0, true)], 2, true],
    ['all failed: once more', [cell(1), cell(1)], 2, false],
    ['a permanent failure stops after two equal rounds', [cell(2), cell(2)], 2, true],
    ['one of two got better: once more', [cell(2), cell(1, true)], 3, false],
    ['the last one failed alone twice', [cell(3), cell(1, true)], 3, true],
    ['a chain of three that builds from its end', [cell(2, true), cell(1, true), cell(0, true)], 3, true]
  ])('%s', ([, cells, round, ended]) => {
    expect(roundsOf(cells)).toEqual({ round, ended })
  })
})
