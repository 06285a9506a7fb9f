import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import { judge, type Cut, type Loss, type Run, type Story } from '../../scripts/prove-coordination/judge.ts'

const fence = (term: number, holder = 'x'): NonNullable<Run['fence']> => ({
  epoch: 0,
  view: '',
  term,
  holder: holder as NodeId
})

const CUT: Cut = {
  fromMs: 100_000,
  healedMs: 160_000,
  mergedMs: 170_000,
  halves: { a: 0, b: 0, c: 1, d: 1 },
  ids: [
    ['id-a', 'id-b'],
    ['id-c', 'id-d']
  ]
}

/** A build of five seconds that came to a good end. */
function run(job: string, node: string, begunMs: number, changes: Partial<Run> = {}): Run {
  return { job, node, begunMs, endedMs: begunMs + 5_000, end: 'built', fence: fence(1), ...changes }
}

/** A build that its process did not live to end. */
function broken(job: string, node: string, begunMs: number): Run {
  return { job, node, begunMs }
}

function verdict(runs: readonly Run[], losses: readonly Loss[] = []): ReturnType<typeof judge> {
  const story: Story = { runs, losses, cut: CUT }
  return judge(story)
}

const killed = (node: string, atMs: number): Loss => ({ how: 'kill -9', node, id: `id-${node}`, atMs })

describe('a job built twice', () => {
  test('by a whole mesh is a violation, one after the other or at the same time', () => {
    for (const laterMs of [1_000, 40_000]) {
      const { violations, buildsPerJob, builtInBothHalves } = verdict([
        run('j', 'a', 10_000),
        run('j', 'c', 10_000 + laterMs)
      ])
      expect(violations).toHaveLength(1)
      expect(violations[0]).toContain('built twice: j')
      expect(buildsPerJob).toEqual({ 2: 1 })
      expect(builtInBothHalves).toEqual([])
    }
  })

  test('once in each half while the mesh is cut is what a cut costs', () => {
    const { violations, builtInBothHalves } = verdict([run('j', 'a', 110_000), run('j', 'c', 150_000)])
    expect(violations).toEqual([])
    expect(builtInBothHalves).toEqual(['j'])
  })

  test('twice in one half of the cut is a violation', () => {
    expect(verdict([run('j', 'a', 110_000), run('j', 'b', 150_000)]).violations).toHaveLength(1)
  })

  test('three times is a violation in any case', () => {
    const { violations } = verdict([run('j', 'a', 110_000), run('j', 'c', 150_000), run('j', 'd', 155_000)])
    expect(violations.join('\n')).toContain('built 3 times by 2 halves: j')
  })

  test('across the cut is a violation when the other half must have known', () => {
    expect(verdict([run('j', 'a', 50_000), run('j', 'c', 150_000)]).violations).toHaveLength(1)
    expect(verdict([run('j', 'a', 110_000), run('j', 'c', 180_000)]).violations).toHaveLength(1)
  })

  test('across the cut is no violation when the first build still ran as it began', () => {
    expect(verdict([run('j', 'a', 97_000), run('j', 'c', 150_000)]).violations).toEqual([])
  })
})

describe('a build that came to no end', () => {
  test('may be followed by another one when its process was killed', () => {
    const runs = [broken('j', 'a', 10_000), run('j', 'b', 40_000)]
    expect(verdict(runs, [killed('a', 12_000)])).toMatchObject({
      violations: [],
      buildsPerJob: { 1: 1 },
      unfinished: 1
    })
  })

  test('is a violation when nobody killed it, or only before it began', () => {
    for (const losses of [[], [killed('b', 12_000)], [killed('a', 9_000)]])
      expect(verdict([broken('j', 'a', 10_000), run('k', 'c', 30_000)], losses).violations).toHaveLength(1)
  })

  test('and was ended by an orderly stop may be followed by another one, not accompanied', () => {
    const aborted = run('j', 'a', 10_000, { end: 'aborted', endedMs: 12_000 })
    expect(verdict([aborted, run('j', 'b', 12_500)]).violations).toEqual([])
    expect(verdict([aborted, run('j', 'b', 11_000)]).violations).toHaveLength(1)
  })
})

describe('a coordinator after its time', () => {
  test('that a build begins under, long after the first one of a later term, is a violation', () => {
    const runs = [run('i', 'a', 20_000, { fence: fence(2) }), run('j', 'b', 30_000, { fence: fence(1) })]
    expect(verdict(runs).violations.join('\n')).toContain('granted by a coordinator after its time: j')
  })

  test('is none while its last grants are on their way, nor while the mesh is cut', () => {
    const soon = [run('i', 'a', 20_000, { fence: fence(2) }), run('j', 'b', 24_000, { fence: fence(1) })]
    const cut = [run('i', 'a', 135_000, { fence: fence(2) }), run('j', 'c', 150_000, { fence: fence(1) })]
    expect([...verdict(soon).violations, ...verdict(cut).violations]).toEqual([])
  })
})

describe('fail-over', () => {
  test('is the time to the first build under another coordinator: what the lost one had granted does not count', () => {
    const runs = [
      run('i', 'b', 20_100, { fence: fence(1, 'id-a') }),
      run('j', 'c', 33_000, { fence: fence(2, 'id-b') })
    ]
    const { failOvers } = verdict(runs, [{ how: 'SIGSTOP', node: 'a', id: 'id-a', atMs: 20_000 }])
    expect(failOvers[0]).toEqual({ how: 'SIGSTOP', node: 'a', ms: 13_000 })
  })

  test('of a cut is told for each half, by its own coordinator', () => {
    const runs = [
      run('i', 'a', 101_000, { fence: fence(1, 'id-a') }),
      run('j', 'c', 102_000, { fence: fence(1, 'id-a') }),
      run('k', 'c', 140_000, { fence: fence(2, 'id-d') })
    ]
    expect(verdict(runs).failOvers).toEqual([
      { how: 'cut', node: 'half 0', ms: 1_000 },
      { how: 'cut', node: 'half 1', ms: 40_000 }
    ])
  })

  test('that never came is a violation', () => {
    const { failOvers, violations } = verdict([], [killed('a', 20_000)])
    expect(failOvers[0]).toEqual({ how: 'kill -9', node: 'a' })
    expect(violations).toEqual(['no build began under another coordinator after kill -9 to a'])
  })
})
