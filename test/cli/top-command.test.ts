import { describe, expect, test } from 'vitest'
import { topLines, type TopFacts } from '../../src/cli/top-lines.ts'
import type { BuildView, JobView } from '../../src/http/api-types.ts'
import { BUILDER, CP311, aJobView, aStatus } from '../http/http-fixtures.ts'
import { FakeTerminal, aNode, serve } from './cli-fixtures.ts'

const NO_PAINT = (_style: unknown, text: string): string => text
const aBuild = (n: number, over: Partial<BuildView> = {}): BuildView => ({
  job: `demo==${n}.0@${CP311}`,
  builder: BUILDER,
  finishedMs: 1,
  durationMs: 61_000,
  log: '',
  ...over
})
const building = (n: number): JobView =>
  aJobView({ project: `job-${n}`, state: 'building', phase: 'build', elapsedMs: 5_000 })
const some = <T>(count: number, make: (n: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, n) => make(n))
const facts = (over: Partial<TopFacts> = {}): TopFacts => ({
  status: aStatus(),
  nodes: [
    aNode({ self: true, label: 'pi-kitchen' }),
    aNode({ id: 'x', label: 'pi-attic', self: false, connected: false })
  ],
  building: some(3, building),
  queued: some(40, (n) => aJobView({ project: `wait-${n}`, state: 'queued' })),
  builds: some(50, (n) => aBuild(n)),
  problems: [],
  ...over
})
const titles = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => /^[A-Z]+( \(|$)/.test(line))

describe('one screen', () => {
  test.for([
    [80, 24],
    [40, 10],
    [200, 60]
  ] as const)('fits %i by %i, and shows a part of everything', ([columns, rows]) => {
    const lines = topLines(facts(), { columns, rows, paint: NO_PAINT })
    expect(lines.length).toBeLessThanOrEqual(rows)
    expect(lines.filter((line) => line.length > columns)).toEqual([])
    expect(lines[0]).toContain('garden · 2 nodes, 1 away')
    if (rows > 20)
      expect(titles(lines).map((line) => line.split(' ')[0])).toEqual(['BUILDING', 'NEWEST', 'NEXT', 'NODES'])
  })

  test('what has no room is counted', () => {
    const lines = topLines(facts(), { columns: 80, rows: 24, paint: NO_PAINT })
    const newest = lines.find((line) => line.startsWith('NEWEST'))
    const shown = lines.filter((line) => line.includes('built')).length
    expect(newest).toBe(`NEWEST (${50 - shown} more)`)
  })

  test('a quiet mesh shows its nodes only', () => {
    const quiet = facts({ building: [], queued: [], builds: [] })
    expect(titles(topLines(quiet, { columns: 80, rows: 24, paint: NO_PAINT }))).toEqual(['NODES'])
  })

  test('a failure says why, and what others write cannot steer the terminal', () => {
    const failure = { class: 'package', cause: 'x', reason: 'no\u001b[2J \u202eheader' }
    const lines = topLines(
      facts({ builds: [aBuild(1, { failure })], problems: ['disk\u001b]0;x\u0007 full'] }),
      {
        columns: 120,
        rows: 40,
        paint: NO_PAINT
      }
    )
    expect(lines.join('\n')).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u)
    expect(lines.join('\n')).toContain('demo 1.0 for cp311')
    expect(lines.join('\n')).toMatch(/package: no \[2J/)
    expect(lines[1]).toContain('! disk')
  })
})

describe('commonwheel top', () => {
  test('without a terminal: one screen, and it ends', async () => {
    const node = await serve()
    const { code, stdout } = await node.run(['top'])
    expect(code).toBe(0)
    expect(stdout).toContain('NODES')
    expect(stdout).not.toContain('\u001b')
  })

  test('on a terminal: draws in place until Ctrl-C, and gives the screen back', async () => {
    const node = await serve()
    const stdout = new FakeTerminal(true)
    const ctrlC = new AbortController()
    let naps = 0
    const sleep = async (): Promise<void> => {
      naps += 1
      if (naps > 6) ctrlC.abort(new Error('interrupted'))
      ctrlC.signal.throwIfAborted()
    }
    const { code } = await node.run(['top'], { stdout, signal: ctrlC.signal, sleep })
    expect(code).toBe(0)
    expect(stdout.text.startsWith('\u001b[?1049h')).toBe(true)
    expect(stdout.text.endsWith('\u001b[?1049l')).toBe(true)
    expect(stdout.text.split('\u001b[H').length).toBeGreaterThan(2)
  })

  test('--json is refused with what to use instead', async () => {
    const node = await serve()
    const { code, stderr } = await node.run(['top', '--json'])
    expect(code).toBe(2)
    expect(stderr).toContain('status --json')
  })
})
