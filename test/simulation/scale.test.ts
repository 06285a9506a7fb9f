import { describe, expect, it } from 'vitest'
import type { TargetId } from '../../src/core/ids.ts'
import { ScalePackages } from '../../src/simulation/scale-packages.ts'
import type { ScenarioOptions, ScenarioReport } from '../../src/simulation/scale-report.ts'
import { runScenario } from '../../src/simulation/scale-scenario.ts'
import { encodeCoordination } from '../../src/wire/coordination-codec.ts'

/** Of 752,817 versions: 302. */
const TINY = 0.000_4

function run(options: Partial<ScenarioOptions> = {}): Promise<ScenarioReport> {
  let reads = 0
  return runScenario({
    name: 'piwheels-2017',
    nodes: 12,
    share: TINY,
    seed: 1,
    onProgress: () => undefined,
    // A millisecond passes with each look at it: what is measured by it is the same in every run.
    stopwatchMs: () => ++reads,
    sizeOf: (message) => encodeCoordination(message).byteLength,
    ...options
  })
}

describe('the scale scenario', () => {
  it('builds every job once, keeps twelve builders busy, and goes on after coordinators end', async () => {
    const { figures, complete } = await run()
    expect(complete).toBe(true)
    expect(figures.versions).toBe(302)
    expect(figures.duplicates).toBe(0)
    expect(figures.unfinishedJobs).toBe(0)
    expect(figures.idleShare).toBeGreaterThan(0)
    expect(figures.idleShare).toBeLessThan(0.02)
    expect(figures.killed.count + figures.stopped.count).toBeGreaterThan(0)
    expect(figures.killed.worstMs).toBeLessThan(40_000)
  }, 120_000)

  it('reports figures that agree with each other', async () => {
    const { figures, table, share } = await run({ seed: 2 })
    expect(figures.built + figures.failed + figures.lostBuilds).toBe(figures.builds)
    expect(figures.idealMs).toBe(Math.max(figures.workMs / 12, figures.longestBuildMs))
    expect(figures.wallMs).toBeGreaterThanOrEqual(figures.idealMs)
    expect(figures.wallMs).toBeGreaterThanOrEqual(figures.queueEmptyMs)
    for (const { medianMs, p90Ms, worstMs } of [figures.killed, figures.stopped]) {
      expect(medianMs).toBeLessThanOrEqual(p90Ms)
      expect(p90Ms).toBeLessThanOrEqual(worstMs)
    }
    expect(figures.bytesPerNodeSecond).toBeGreaterThan(
      50 * (figures.directPerNodeSecond + figures.gossipPerNodeSecond)
    )
    expect(share).toBe(TINY)
    expect(table.find(({ name }) => name === 'versions')?.value).toBe('302')
    expect(table.find(({ name }) => name === 'duplicate builds')?.value).toBe('0')
    expect(new Set(table.map(({ name }) => name)).size).toBe(table.length)
  }, 120_000)

  it('builds each version once where there is one target, and the same again from the same seed', async () => {
    const options = { name: 'piwheels-2017-one-target', nodes: 5, share: 0.000_1 } as const
    const [first, second] = [await run(options), await run(options)]
    expect(first.figures.versions).toBe(76)
    expect(first.figures.builds - first.figures.lostBuilds).toBe(76)
    expect(second).toEqual(first)
    const other = await run({ ...options, seed: 3 })
    expect(other.figures.workMs).not.toBe(first.figures.workMs)
  }, 120_000)

  it('ends early when it is told to, and says so', async () => {
    const ending = new AbortController()
    const report = await run({
      signal: ending.signal,
      onProgress: ({ jobsDone }) => {
        if (jobsDone >= 20) ending.abort()
      }
    })
    expect(report.complete).toBe(false)
    expect(report.figures.built + report.figures.failed).toBeLessThan(302)
    expect(report.table.find(({ name }) => name === 'versions')?.note).toContain('ended early')
  }, 120_000)

  it('refuses a share or a mesh that is none', () => {
    for (const share of [0, -1, 1.01, Number.NaN]) expect(() => run({ share })).toThrow(RangeError)
    for (const nodes of [0, 1.5]) expect(() => run({ nodes })).toThrow(RangeError)
  })
})

describe('the versions that are drawn', () => {
  const targets = ['cp39', 'cp311', 'cp313'].map((python) => `${python}-linux_armv7l-glibc2.36` as TargetId)
  const packages = new ScalePackages(50_000, targets, 1)

  it('are as piwheels had them in 2017', () => {
    const { meanMs, medianMs, compiled, failed } = packages.facts()
    expect(meanMs / 18_000).toBeCloseTo(1, 1)
    expect(medianMs / 4_030).toBeCloseTo(1, 1)
    expect(failed / 50_000).toBeCloseTo(0.24, 2)
    expect(compiled / 50_000).toBeCloseTo((0.76 * 1_393) / 81_180, 2)
    expect(packages.longestMs()).toBeGreaterThan(30 * 60_000)
    expect(packages.longestMs()).toBeLessThanOrEqual(7 * 3_600_000)
    expect(50_000 / packages.projects.length).toBeCloseTo(7.06, 0)
  })

  it('are built on every target unless they are pure', () => {
    const { compiled, failed } = packages.facts()
    expect(packages.expectedBuilds()).toBe(50_000 + 2 * (compiled + failed))
  })
})
