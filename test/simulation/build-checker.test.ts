import { beforeEach, describe, expect, test } from 'vitest'
import type { Fence } from '../../src/core/fence.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { jobId } from '../../src/core/job.ts'
import { CLAIM_TTL_MS } from '../../src/core/limits.ts'
import type { Failure, ResultRecord } from '../../src/core/record.ts'
import { BuildChecker } from '../../src/simulation/build-checker.ts'
import { Violations } from '../../src/simulation/violations.ts'
import { aFence, nodeId, SHARD, stuffedNet, TARGET, type StuffedNet, type StuffedProcess } from './sim-kit.ts'

/* Made-up builds: each rule is broken by hand, and then almost broken. */

const JOB = jobId(normalizeName('numpy'), '2.0', TARGET)

let net: StuffedNet
let checker: BuildChecker
let violations: Violations
let a: StuffedProcess
let b: StuffedProcess
let c: StuffedProcess

beforeEach(async () => {
  net = await stuffedNet(3)
  ;[a, b, c] = net.nodes as [StuffedProcess, StuffedProcess, StuffedProcess]
  violations = new Violations(
    () => net.world.nowMs(),
    () => undefined
  )
  checker = new BuildChecker(net.world, () => net.network, violations)
})

function found(): readonly string[] {
  return violations.list().map(({ invariant }) => invariant)
}

function grants(to: StuffedProcess, fence: Fence): void {
  const claim = { job: JOB, builder: to.id, fence }
  checker.delivered(to.process, { kind: 'grant', shard: SHARD, nonce: 1, claim })
}

function begins(node: StuffedProcess, fence = aFence('c')): void {
  grants(node, fence)
  checker.began(node.process, JOB)
}

function ends(node: StuffedProcess, failure?: Failure): void {
  checker.ended(node.process, JOB)
  checker.published(node.process, {
    kind: 'result',
    job: JOB,
    ...(failure === undefined ? {} : { failure })
  } as ResultRecord)
}

/** Its progress is heard by the coordinator. */
function tellsProgress(node: StuffedProcess): void {
  const claim = { job: JOB, builder: node.id, fence: aFence('c') }
  checker.delivered(c.process, { kind: 'progress', shard: SHARD, claim })
}

function cutOffB(): void {
  net.network.topology.cut(new Map([[b.id, 1]]), net.world.nowMs())
}

describe('one-claim', () => {
  test('a second builder begins while the first one builds', async () => {
    begins(a)
    await net.world.run(10_000)
    begins(b)
    expect(found()).toEqual(['one-claim'])
    expect(violations.list()[0]?.what).toBe(`b begins ${JOB}, which a is building`)
  })

  test('however long the first one takes, as long as it is heard', async () => {
    begins(a)
    for (let i = 0; i < 20; i++) {
      await net.world.run(CLAIM_TTL_MS / 2)
      tellsProgress(a)
    }
    begins(b)
    expect(found()).toEqual(['one-claim'])
  })

  test('not: the first one was silent for as long as a claim lives', async () => {
    begins(a)
    await net.world.run(CLAIM_TTL_MS)
    begins(b)
    expect(found()).toEqual([])
  })

  test('not: the first one has died, stands still, or gave up without a result', () => {
    begins(a)
    a.alive = false
    begins(b)
    b.machine.paused = true
    begins(c)
    checker.ended(c.process, JOB)
    b.machine.paused = false
    b.alive = false
    begins(c)
    expect(found()).toEqual([])
  })

  test('not: a cut keeps them apart; yes: it keeps others apart', () => {
    begins(a)
    cutOffB()
    begins(b)
    expect(found()).toEqual([])
    begins(c)
    expect(found()).toContain('one-claim')
  })
})

describe('built-once', () => {
  test('somebody begins what another one finished', async () => {
    begins(a)
    await net.world.run(10_000)
    ends(a)
    await net.world.run(10_000)
    begins(b)
    expect(found()).toEqual(['built-once'])
  })

  test('a failure for good is an end, too', () => {
    begins(a)
    ends(a, { class: 'package', cause: 'compile-error', reason: '' })
    begins(b)
    expect(found()).toEqual(['built-once'])
  })

  test('not: what failed for a while only', () => {
    begins(a)
    ends(a, { class: 'transient', cause: 'network', reason: '' })
    begins(b)
    expect(found()).toEqual([])
  })

  test('not: one of them was away after the end, and may not know', async () => {
    begins(a)
    ends(a)
    await net.world.run(1_000)
    b.machine.lastAbsentMs = net.world.nowMs()
    begins(b)
    expect(found()).toEqual([])
  })

  test('not: they were cut from each other', () => {
    begins(a)
    cutOffB()
    ends(a)
    begins(b)
    expect(found()).toEqual([])
  })
})

describe('fences-obeyed', () => {
  function hearsBeat(node: StuffedProcess, fence: Fence): void {
    checker.believed(node.process, { kind: 'beat', shard: SHARD, fence, witnesses: [], seq: 1 })
  }

  test('a build under a fence below one that the builder has heard', () => {
    hearsBeat(a, aFence('b', { term: 2 }))
    begins(a, aFence('c', { term: 1 }))
    expect(found()).toEqual(['fences-obeyed'])
  })

  test('not: the fence that it has heard, a higher one, or a beat of another shard', () => {
    hearsBeat(a, aFence('c', { term: 2 }))
    checker.believed(a.process, {
      kind: 'beat',
      shard: 'upstream',
      fence: aFence('b', { term: 9 }),
      witnesses: [],
      seq: 1
    })
    begins(a, aFence('c', { term: 2 }))
    begins(a, aFence('c', { term: 3 }))
    expect(found()).not.toContain('fences-obeyed')
  })

  test('not: it was told, but refused to believe it', () => {
    const fence = aFence('b', { term: 2 })
    checker.delivered(a.process, { kind: 'beat', shard: SHARD, fence, witnesses: [], seq: 1 })
    begins(a, aFence('c', { term: 1 }))
    expect(found()).toEqual([])
  })

  test('not: another node has heard it', () => {
    hearsBeat(b, aFence('b', { term: 2 }))
    begins(a, aFence('c', { term: 1 }))
    expect(found()).toEqual([])
  })
})

describe('bounded-duplicates, at the end', () => {
  /** Both build it to its end, and neither began after the other's end. */
  function bothBuild(): void {
    begins(a)
    begins(b)
    ends(a)
    ends(b)
  }

  test('two ends without a reason', () => {
    bothBuild()
    checker.checkBounds()
    expect(found()).toContain('bounded-duplicates')
    expect(checker.counts()).toEqual({ builds: 2, duplicates: 1, results: 2 })
  })

  test('not: one for each part of a cut', () => {
    cutOffB()
    bothBuild()
    checker.checkBounds()
    expect(found()).toEqual([])
    expect(checker.counts().duplicates).toBe(1)
  })

  test('but three in a mesh that was cut in two once', () => {
    cutOffB()
    bothBuild()
    grants(c, aFence('c'))
    checker.began(c.process, JOB)
    ends(c)
    checker.checkBounds()
    expect(found()).toContain('bounded-duplicates')
  })

  test('not: a builder was away', () => {
    begins(a)
    a.machine.paused = true
    begins(b)
    ends(b)
    a.machine.paused = false
    a.machine.lastAbsentMs = net.world.nowMs() + 1
    ends(a)
    checker.checkBounds()
    expect(found()).toEqual([])
  })

  test('a job tried again after a network failure was built once', () => {
    begins(a)
    ends(a, { class: 'transient', cause: 'network', reason: '' })
    begins(b)
    ends(b)
    checker.checkBounds()
    expect(found()).toEqual([])
    expect(checker.counts()).toEqual({ builds: 2, duplicates: 0, results: 2 })
  })
})

test('every build counts, and every result', () => {
  begins(a)
  ends(a)
  expect(checker.counts()).toEqual({ builds: 1, duplicates: 0, results: 1 })
  expect(checker.results().map(({ process }) => process.id)).toEqual([nodeId('a')])
})
