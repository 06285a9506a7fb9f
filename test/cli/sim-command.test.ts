import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CliContext } from '../../src/cli/cli-context.ts'
import type { SimPort } from '../../src/cli/sim-port.ts'
import { spreadOf } from '../../src/cli/sim-tally.ts'
import type { SeedOutcome, SeedReport, SeedTask } from '../../src/node/sim-task.ts'
import { FakeTerminal, run, tempFolder, type Ran } from './cli-fixtures.ts'

function aReport(seed: number, over: Partial<SeedReport> = {}): SeedOutcome {
  const report: SeedReport = {
    seed,
    nodes: 20,
    faults: ['crash', 'partition'],
    events: 50_000,
    trace: '0badcafe',
    violations: [],
    worstFailOverMs: 12_000,
    failOversMs: [8_000, 12_000],
    convergedMs: 21_000,
    messages: 9_000,
    lines: [],
    builds: 100,
    duplicates: 0,
    results: 99,
    ...over
  }
  return { kind: 'ran', seed, report }
}

const VIOLATION = {
  invariant: 'one-claim',
  atMs: 123_400,
  what: 'b begins six==1.0, which a is building'
} as const

interface Simulated extends Ran {
  readonly tasks: readonly SeedTask[]
  readonly workers: number | undefined
}

/** A simulator that gives these outcomes; its two cores worked for 250 ms each a seed. */
async function sim(
  words: readonly string[],
  outcomeOf: (task: SeedTask) => SeedOutcome = ({ seed }) => aReport(seed),
  over: Partial<CliContext> = {}
): Promise<Simulated> {
  let tasks: readonly SeedTask[] = []
  let workers: number | undefined
  const port: SimPort = {
    runSeeds: async (asked, options) => {
      tasks = asked
      workers = options.workers
      let done = 0
      for (const task of asked) {
        if (options.signal?.aborted === true) break
        options.onOutcome(outcomeOf(task))
        done++
      }
      return { cpuMs: 500 * done }
    },
    runScenario: () => Promise.reject(new Error('not asked'))
  }
  const ran = await run(['sim', ...words], { loadSimulator: async () => port, ...over })
  return { ...ran, tasks, workers }
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1)
}

describe('many seeds', () => {
  test('end with one line that says it all', async () => {
    const { code, stdout, stderr, tasks } = await sim(['--seeds', '3', '--from', '7'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(tasks).toEqual([{ seed: 7 }, { seed: 8 }, { seed: 9 }])
    expect(stdout).toBe(
      '3 seeds, 0 violations, 150,000 events (100,000/s a core), 300 builds, 0 duplicates, ' +
        'fail-over worst 12.0 s median 8.0 s p90 12.0 s, convergence worst 21.0 s median 21.0 s\n'
    )
  })

  test('are twenty from 1 on as many threads as there are cores, unless said otherwise', async () => {
    const { tasks, workers } = await sim([])
    expect(tasks.map(({ seed }) => seed)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    expect(workers).toBeUndefined()
    expect((await sim(['--workers', '3'])).workers).toBe(3)
  })

  test('tell of each that fails its first violation and how to replay it, and fail', async () => {
    const { code, stdout, stderr } = await sim(['--seeds', '3'], ({ seed }) =>
      aReport(seed, seed === 2 ? { violations: [VIOLATION, VIOLATION], duplicates: 1 } : {})
    )
    expect(code).toBe(1)
    expect(stderr).toBe('commonwheel: 2 violations in 1 seed\n')
    expect(stdout).toContain(
      'seed 2 failed: one-claim at 123 s: b begins six==1.0, which a is building (and 1 more)\n' +
        '  replay: ./commonwheel sim --seed 2 --transcript\n'
    )
    expect(lastLine(stdout)).toMatch(/^3 seeds, 2 violations, .* 1 duplicate, /)
  })

  test('say of duplicates that they are excused only when no rule against them was broken', async () => {
    const excused = await sim(['--seeds', '2'], ({ seed }) => aReport(seed, { duplicates: 6 }))
    expect(excused.stdout).toContain('12 duplicates (all in cuts or after crashes), ')
    const bad = await sim(['--seeds', '2'], ({ seed }) =>
      aReport(seed, { duplicates: 6, violations: [{ ...VIOLATION, invariant: 'built-once' }] })
    )
    expect(bad.stdout).toContain('12 duplicates, ')
  })

  test('fail when the simulator itself breaks off', async () => {
    const { code, stdout } = await sim(['--seeds', '2'], ({ seed }) =>
      seed === 1
        ? { kind: 'broke-off', seed, reason: 'TypeError: no such node\n    at somewhere' }
        : aReport(seed)
    )
    expect(code).toBe(1)
    expect(stdout).toContain('seed 1 failed: TypeError: no such node')
    expect(stdout).toContain('replay: ./commonwheel sim --seed 1 --transcript')
    expect(lastLine(stdout)).toMatch(/^2 seeds, 0 violations, 1 broke off, /)
  })

  test('stop at Ctrl-C with the summary so far', async () => {
    const interrupt = new AbortController()
    const { code, stdout, stderr } = await sim(
      ['--seeds', '100'],
      ({ seed }) => {
        if (seed === 4) interrupt.abort(new Error('interrupted'))
        return aReport(seed)
      },
      { signal: interrupt.signal }
    )
    expect(code).toBe(130)
    expect(stderr).toBe('commonwheel: interrupted\n')
    expect(lastLine(stdout)).toMatch(/^4 of 100 seeds, 0 violations, /)
  })

  test('are one document with --json, the summary in it', async () => {
    const { stdout } = await sim(['--seeds', '2', '--json'], ({ seed }) =>
      aReport(seed, seed === 2 ? { violations: [VIOLATION] } : {})
    )
    expect(JSON.parse(stdout)).toMatchObject({
      asked: 2,
      from: 1,
      seeds: 2,
      violations: 1,
      failed: [2],
      failures: [{ seed: 2, violations: 1, replay: './commonwheel sim --seed 2 --transcript' }],
      summary: expect.stringMatching(/^2 seeds, 1 violation, /) as string
    })
  })
})

describe('progress', () => {
  function clockOf(stepMs: number): () => number {
    let nowMs = 0
    return () => (nowMs += stepMs)
  }

  test('is a line now and then in a log', async () => {
    const { stderr } = await sim(['--seeds', '10'], undefined, { elapsedMs: clockOf(6_000) })
    const lines = stderr.trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.length).toBeLessThan(10)
    for (const line of lines)
      expect(line).toMatch(/^\d+\/10 seeds, [\d,]+ events\/s, 0 violations, about .+ left$/)
  })

  test('is one line on a terminal, gone before anything else is printed', async () => {
    const stderr = new FakeTerminal(true)
    const { stdout } = await sim(['--seeds', '5'], undefined, { stderr, elapsedMs: clockOf(1_000) })
    expect(stderr.text).not.toContain('\n')
    expect(stderr.text.endsWith('\r\u001b[K')).toBe(true)
    expect(stderr.text).toContain('4/5 seeds')
    expect(stdout).toMatch(/^5 seeds/)
  })
})

describe('one seed', () => {
  test('tells what was drawn and what came of it', async () => {
    const { stdout, tasks } = await sim(['--seed', '17'])
    expect(tasks).toEqual([{ seed: 17, transcript: false }])
    expect(stdout).toContain('seed 17: 20 nodes, faults: crash, partition\n')
    expect(stdout).toContain('0badcafe')
    expect(lastLine(stdout)).toMatch(/^1 seed, 0 violations, 50,000 events/)
  })

  test('tells every violation, and fails', async () => {
    const { code, stdout } = await sim(['--seed', '17'], ({ seed }) =>
      aReport(seed, {
        violations: [VIOLATION, { ...VIOLATION, invariant: 'no-error', what: 'a start failed' }]
      })
    )
    expect(code).toBe(1)
    expect(stdout).toContain('violation of one-claim at 123 s: b begins six==1.0, which a is building\n')
    expect(stdout).toContain('violation of no-error at 123 s: a start failed\n')
  })

  test('prints its transcript before the report, or writes it to a file', async () => {
    const noted = ({ seed, transcript }: SeedTask): SeedOutcome =>
      aReport(seed, { lines: transcript === true ? ['0.000 s  node-00 starts', '1.000 s  it rains'] : [] })
    const shown = await sim(['--seed', '17', '--transcript'], noted)
    expect(shown.stdout).toMatch(/^0\.000 s {2}node-00 starts\n1\.000 s {2}it rains\nseed 17: /)
    const path = join(await tempFolder(), '17.txt')
    const kept = await sim(['--seed', '17', '--transcript', path], noted)
    expect(kept.stdout).not.toContain('it rains')
    expect(await readFile(path, 'utf8')).toBe('0.000 s  node-00 starts\n1.000 s  it rains\n')
  })

  test('is run twice by --check-replay, which fails when the two differ', async () => {
    const equal = await sim(['--seed', '17', '--check-replay'])
    expect(equal).toMatchObject({ code: 0, tasks: [{ seed: 17 }, { seed: 17 }] })
    let runs = 0
    const different = await sim(['--seed', '17', '--check-replay'], ({ seed }) =>
      aReport(seed, { trace: `trace-${++runs}` })
    )
    expect(different.code).toBe(1)
    expect(different.stderr).toBe('commonwheel: two runs of seed 17 differ: trace-1 and trace-2\n')
  })
})

describe('what does not go together', () => {
  test.for([
    [['--transcript'], 'for one seed'],
    [['--check-replay', '--seeds', '3'], 'for one seed'],
    [['--seed', '1', '--seeds', '3'], 'cannot be used with'],
    [['--nodes', '3'], 'for a scenario'],
    [['--share', '0.1'], 'for a scenario'],
    [['--scenario', 'no-such-thing'], 'Allowed choices'],
    [['--scenario', 'piwheels-2017', '--seeds', '2'], 'cannot be used with'],
    [['--scenario', 'piwheels-2017', '--share', '1.5'], 'at most 1'],
    [['--seed', 'x'], 'whole number'],
    [['--seed', '-1'], 'whole number'],
    [['--seeds', '0'], 'whole number']
  ] as const)('%j is wrong usage', async ([words, why]) => {
    const { code, stderr, tasks } = await sim(words)
    expect({ code, tasks }).toEqual({ code: 2, tasks: [] })
    expect(stderr).toContain(why)
  })
})

test('a scenario prints its table', async () => {
  let asked: object = {}
  const port: SimPort = {
    runSeeds: () => Promise.reject(new Error('not asked')),
    runScenario: async (options) => {
      asked = options
      options.onProgress({ virtualMs: 3_600_000, jobsDone: 1_000, jobs: 5_000, eventsPerSecond: 123_456 })
      return { table: [{ name: 'wall time', value: '3.9 h', note: 'the ideal is 3.8 h' }] } as never
    }
  }
  const words = ['sim', '--scenario', 'piwheels-2017', '--nodes', '1000', '--share', '0.01']
  let nowMs = 0
  const ran = await run(words, { loadSimulator: async () => port, elapsedMs: () => (nowMs += 40_000) })
  expect(asked).toMatchObject({ name: 'piwheels-2017', nodes: 1_000, share: 0.01, seed: 1 })
  expect(ran.stdout).toBe('FIGURE     VALUE  NOTE\nwall time  3.9 h  the ideal is 3.8 h\n')
  expect(ran.stderr).toBe('1 h simulated, 1,000 of 5,000 jobs, 123,456 events/s\n')
})

test('spread: values that occurred, by nearest rank', () => {
  expect(spreadOf([])).toBeUndefined()
  expect(spreadOf([5])).toEqual({ worstMs: 5, medianMs: 5, p90Ms: 5 })
  expect(spreadOf([10, 1, 9, 2, 8, 3, 7, 4, 6, 5])).toEqual({ worstMs: 10, medianMs: 5, p90Ms: 9 })
})
