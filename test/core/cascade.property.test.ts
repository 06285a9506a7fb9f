import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cascade, type Outcome } from '../../src/core/cascade.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { JobId } from '../../src/core/ids.ts'
import type { WheelRef } from '../../src/core/record.ts'
import type { Release } from '../../src/core/releases.ts'
import { parseTarget } from '../../src/core/target.ts'
import { parseWheelName } from '../../src/core/wheel-name.ts'
import { RUNS, attempts, offers } from './queue-arbitraries.ts'
import { referenceCascade } from './reference/cascade.ts'

const targets = [
  'cp39-linux_armv7l-glibc2.31',
  'cp311-linux_armv7l-glibc2.36',
  'cp311-linux_aarch64-glibc2.36',
  'cp313-linux_armv7l-glibc2.41',
  'cp313-linux_x86_64-musl1.2',
  'cp313t-linux_x86_64-glibc2.41'
].map(parseTarget)
const TAGS = [
  'py3-none-any',
  'py2-none-any',
  'cp39-cp39-linux_armv7l',
  'cp311-cp311-linux_armv7l',
  'cp313-cp313-linux_x86_64',
  'cp39-abi3-linux_armv7l',
  'cp311-abi3-linux_aarch64',
  'py3-none-linux_armv7l',
  'cp313-cp313-win_amd64',
  'cp311-abi3-manylinux_2_28_aarch64',
  'py3-none-manylinux_2_17_armv7l.manylinux2014_armv7l'
]
const wheelNames = fc.constantFrom(...TAGS).map((tags) => `demo-1.0-${tags}.whl`)
const outcomes: fc.Arbitrary<Outcome> = fc
  .record({
    target: fc.constantFrom(...targets),
    wheel: fc.option(wheelNames, { nil: undefined }),
    attempt: attempts
  })
  .map(({ target, wheel, attempt }) => ({
    target,
    job: `demo==1.0@${target.id}` as JobId,
    ...(wheel === undefined
      ? { failure: attempt.failure, ...(attempt.limits && { limits: attempt.limits }) }
      : { wheel: { filename: wheel } as WheelRef })
  }))
const releases: fc.Arbitrary<Release> = fc
  .record({
    wheels: fc.array(fc.record({ filename: wheelNames, yanked: fc.boolean() }), { maxLength: 2 }),
    hasSdist: fc.boolean(),
    requiresPython: fc.constantFrom('', '', '>=3.11', '<3.13', 'no specifier')
  })
  .map(({ wheels, hasSdist, requiresPython }) => ({
    version: '1.0',
    ...((hasSdist || wheels.length === 0) && {
      sdist: { ref: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('s') }, url: 'http://127.0.0.1/demo' }
    }),
    sdistDigests: [sha256Hex('s')],
    wheels: wheels.map(({ filename, yanked }) => ({
      filename,
      yanked,
      tags: parseWheelName(filename)!.tags
    })),
    yanked: false,
    requiresPython,
    uploadTime: '',
    prerelease: false
  }))

describe('the cascade', () => {
  test('gives each cell the state that the text gives it', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        fc.record({
          release: releases,
          targets: fc.shuffledSubarray(targets),
          outcomes: fc.array(outcomes, { maxLength: 6 }),
          skipReason: fc.option(fc.constant('no'), { nil: undefined, freq: 9 })
        }),
        offers,
        (drawn, offered) => {
          const input = { ...drawn, offers: () => offered }
          const cells = cascade(input).map(({ target, state }) => [
            target.id,
            state.kind === 'waiting' ? `waiting on ${state.on}` : state.kind
          ])
          expect(cells).toEqual(referenceCascade(input))
          for (const [, state = ''] of cells) seen.add(state.split(' ')[0] ?? '')
        }
      ),
      { numRuns: 4_000 }
    )
    expect([...seen].sort()).toEqual([
      'built',
      'excluded',
      'failed',
      'open',
      'skipped',
      'upstream',
      'waiting'
    ])
  })

  test('never leaves a cell waiting for one that is not there to be built', () => {
    fc.assert(
      fc.property(releases, fc.array(outcomes, { maxLength: 6 }), offers, (release, results, offered) => {
        const cells = cascade({
          release,
          targets,
          outcomes: results,
          skipReason: undefined,
          offers: () => offered
        })
        for (const { state } of cells) {
          if (state.kind !== 'waiting') continue
          const awaited = cells.find(({ target }) => target.id === state.on)?.state
          expect(awaited).toMatchObject({ kind: 'open' })
          expect(awaited?.kind === 'open' && awaited.needs).toBeFalsy()
        }
      }),
      RUNS
    )
  })

  test('a later result never takes a built wheel’s place', () => {
    fc.assert(
      fc.property(fc.array(outcomes, { maxLength: 5 }), outcomes, (results, later) => {
        const release = {
          version: '1.0',
          sdist: {
            ref: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('s') },
            url: 'http://127.0.0.1/demo'
          },
          sdistDigests: [],
          wheels: [],
          yanked: false,
          requiresPython: '',
          uploadTime: '',
          prerelease: false
        }
        const built = (given: readonly Outcome[]): Map<string, string> =>
          new Map(
            cascade({ release, targets, outcomes: given, skipReason: undefined, offers: () => [] }).flatMap(
              ({ target, state }) =>
                state.kind === 'built' ? [[target.id, state.wheel.filename] as const] : []
            )
          )
        const after = built([...results, later])
        for (const [target, filename] of built(results)) expect(after.get(target)).toBe(filename)
      }),
      RUNS
    )
  })
})
