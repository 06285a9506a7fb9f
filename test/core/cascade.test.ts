import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cascade, type CellState, type Outcome } from '../../src/core/cascade.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { JobId } from '../../src/core/ids.ts'
import type { FailureClass, WheelRef } from '../../src/core/record.ts'
import type { Release } from '../../src/core/releases.ts'
import { compareTargets, parseTarget } from '../../src/core/target.ts'
import { parseWheelName } from '../../src/core/wheel-name.ts'

const cp39 = parseTarget('cp39-linux_armv7l-glibc2.31')
const cp311 = parseTarget('cp311-linux_armv7l-glibc2.36')
const cp313 = parseTarget('cp313-linux_armv7l-glibc2.41')
const all = [cp313, cp39, cp311]

function aRelease(over: Partial<Release> = {}): Release {
  return {
    version: '1.0',
    sdist: { ref: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('s') }, url: 'http://127.0.0.1/demo' },
    sdistDigests: [sha256Hex('s')],
    wheels: [],
    yanked: false,
    requiresPython: '',
    uploadTime: '',
    prerelease: false,
    ...over
  }
}

function upstreamWheel(tag: string, yanked = false): Release['wheels'][number] {
  const filename = `demo-1.0-${tag}.whl`
  return { filename, tags: parseWheelName(filename)!.tags, yanked }
}

function built(target: typeof cp39, tag: string): Outcome {
  const wheel = { filename: `demo-1.0-${tag}.whl`, sha256: sha256Hex(tag) } as WheelRef
  return { target, job: `demo==1.0@${target.id}` as JobId, wheel }
}

function failed(target: typeof cp39, kind: FailureClass): Outcome {
  return {
    target,
    job: `demo==1.0@${target.id}` as JobId,
    failure: { class: kind, cause: 'x', reason: 'why' }
  }
}

function states(input: Partial<Parameters<typeof cascade>[0]>): Record<string, CellState['kind']> {
  const cells = cascade({
    release: aRelease(),
    targets: all,
    outcomes: [],
    skipReason: undefined,
    offers: () => [],
    ...input
  })
  return Object.fromEntries(cells.map(({ target, state }) => [target.python, state.kind]))
}

describe('the three outcomes of the cascade', () => {
  test('nothing tried: the lowest Python is offered, cp39 before cp311', () => {
    expect(states({})).toEqual({ cp39: 'open', cp311: 'waiting', cp313: 'waiting' })
  })

  test('a pure wheel ends the matter for all', () => {
    expect(states({ outcomes: [built(cp39, 'py3-none-any')] })).toEqual({
      cp39: 'built',
      cp311: 'built',
      cp313: 'built'
    })
  })

  test('a compiled wheel opens all others at once', () => {
    const outcomes = [built(cp39, 'cp39-cp39-linux_armv7l')]
    expect(states({ outcomes })).toEqual({ cp39: 'built', cp311: 'open', cp313: 'open' })
  })

  test('a failure for the package’s own reasons passes the turn on', () => {
    expect(states({ outcomes: [failed(cp39, 'package')] })).toEqual({
      cp39: 'failed',
      cp311: 'open',
      cp313: 'waiting'
    })
  })

  test('failed everywhere: nothing is left to do', () => {
    const outcomes = all.map((target) => failed(target, 'package'))
    expect(states({ outcomes })).toEqual({ cp39: 'failed', cp311: 'failed', cp313: 'failed' })
  })

  test('upstream’s own compiled wheels prove it: all targets at once', () => {
    const release = aRelease({ wheels: [upstreamWheel('cp311-cp311-win_amd64')] })
    expect(states({ release })).toEqual({ cp39: 'open', cp311: 'open', cp313: 'open' })
  })
})

describe('wheels that reach further', () => {
  test('abi3 built on the oldest baseline serves every newer Python', () => {
    const outcomes = [built(cp39, 'cp39-abi3-linux_armv7l')]
    expect(states({ outcomes })).toEqual({ cp39: 'built', cp311: 'built', cp313: 'built' })
  })

  test('built on a newer libc it does not serve the older one', () => {
    const outcomes = [built(cp313, 'cp38-abi3-linux_armv7l')]
    expect(states({ outcomes })).toMatchObject({ cp39: 'open', cp313: 'built' })
  })
})

describe('what is not to be built', () => {
  test('what upstream ships for the target', () => {
    const release = aRelease({ wheels: [upstreamWheel('cp311-cp311-manylinux_2_31_armv7l')] })
    expect(states({ release })).toEqual({ cp39: 'open', cp311: 'upstream', cp313: 'open' })
  })

  test('a yanked wheel of upstream does not count as shipped', () => {
    const release = aRelease({ wheels: [upstreamWheel('py3-none-any', true)] })
    expect(states({ release })).toMatchObject({ cp39: 'open' })
  })

  test('what Requires-Python rules out; the next target has its turn', () => {
    const release = aRelease({ requiresPython: '>=3.11' })
    expect(states({ release })).toEqual({ cp39: 'excluded', cp311: 'open', cp313: 'waiting' })
  })

  test('without an sdist of known digest', () => {
    const release = aRelease()
    expect(states({ release: { ...release, sdist: undefined } as unknown as Release })).toEqual({
      cp39: 'excluded',
      cp311: 'excluded',
      cp313: 'excluded'
    })
  })

  test('what somebody said never to build', () => {
    expect(states({ skipReason: 'kills builders' })).toMatchObject({ cp39: 'skipped' })
  })
})

describe('failures that may pass', () => {
  test('transient: again, and only so often', () => {
    expect(states({ outcomes: [failed(cp39, 'transient')] })).toMatchObject({ cp39: 'open' })
    const often = Array.from({ length: 5 }, () => failed(cp39, 'transient'))
    expect(states({ outcomes: often })).toMatchObject({ cp39: 'failed', cp311: 'open' })
  })

  test('trouble of a builder’s machine is never the package’s', () => {
    const outcomes = Array.from({ length: 50 }, () => failed(cp39, 'infra'))
    expect(states({ outcomes })).toMatchObject({ cp39: 'open' })
  })
})

const anyOutcome = fc.record({
  target: fc.constantFrom(cp39, cp311, cp313),
  what: fc.constantFrom('pure', 'compiled', 'package', 'transient', 'infra')
})

test('however results fall: one open target at a time until code is proven, and every cell has a state', () => {
  fc.assert(
    fc.property(fc.array(anyOutcome, { maxLength: 6 }), (drawn) => {
      const outcomes = drawn.map(({ target, what }) =>
        what === 'pure'
          ? built(target, 'py3-none-any')
          : what === 'compiled'
            ? built(target, `${target.python}-${target.python}-linux_armv7l`)
            : failed(target, what as FailureClass)
      )
      const cells = cascade({
        release: aRelease(),
        targets: all,
        outcomes,
        skipReason: undefined,
        offers: () => []
      })
      const open = cells.filter(({ state }) => state.kind === 'open')
      const compiled = drawn.some(({ what }) => what === 'compiled')
      expect(cells.map(({ target }) => target)).toEqual([...all].sort(compareTargets))
      expect(open.length).toBeLessThanOrEqual(compiled ? all.length : 1)
      if (drawn.some(({ what }) => what === 'pure')) expect(open).toEqual([])
      if (open.length === 0) expect(cells.some(({ state }) => state.kind === 'waiting')).toBe(false)
    })
  )
})
