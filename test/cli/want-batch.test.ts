import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CP311 } from '../http/http-fixtures.ts'
import { FakeTerminal, serve } from './cli-fixtures.ts'
import { aJob, aWant, built, failed, going } from './want-fixtures.ts'

describe('a batch', () => {
  test('is asked for; all at once with --atomic', async () => {
    const node = await serve()
    const ran = await node.run(['want', 'a', 'b', '--batch'])
    expect(ran.code).toBe(0)
    expect(ran.stdout).toContain('Asked for 2 specs as a batch.')
    await node.run(['want', 'a', '--batch', '--atomic'])
    expect(node.control.calls).toMatchObject([
      { specs: ['a', 'b'], batch: true, atomic: false },
      { specs: ['a'], batch: true, atomic: true }
    ])
  })

  test('--atomic alone is refused, and nothing asked', async () => {
    const node = await serve()
    const ran = await node.run(['want', 'a', '--atomic'])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain('--atomic: only a batch can be listed all at once')
    expect(ran.stderr).toContain('add --batch')
    expect(node.control.calls).toEqual([])
  })

  const batch = { id: 'w1', round: 1, state: 'gathering', failing: 0, failingJobs: [] } as const
  const second = {
    ...batch,
    round: 2,
    state: 'building',
    failing: 1,
    failingJobs: [`b==1.0@${CP311}`]
  } as const
  const stopped = { ...second, failing: 2, state: 'stopped' } as const
  const [a, b] = [aJob('a', CP311, built), aJob('b', CP311, failed)]
  const ROUNDS = [
    aWant([aJob('a', CP311), aJob('b', CP311)], { batch }),
    aWant([a, b], { batch: { ...batch, state: 'building' } }),
    aWant([a, aJob('b', CP311)], { batch: second }),
    aWant([a, b], { batch: stopped, done: true })
  ]

  test('--wait shows round and failing jobs, also between rounds, and how it ended', async () => {
    const node = await going(ROUNDS)
    const { code, stdout } = await node.run(['want', 'a', 'b', '--batch', '--wait'])
    expect(stdout.split('\n').filter((line) => /batch/.test(line))).toEqual([
      'batch  gathering',
      'batch  round 1',
      `batch  round 2, 1 failing: b==1.0@${CP311}`,
      `batch  round 2, stopped, 2 failing: b==1.0@${CP311}, …`,
      'the batch stopped after 2 rounds: the same 2 jobs failed twice in a row'
    ])
    expect(code).toBe(1)
  })

  test('done: exit code 0', async () => {
    const done = { ...batch, round: 3, state: 'done' } as const
    const { code, stdout } = await (
      await going([aWant([a], { batch: done, done: true })])
    ).run(['want', 'a', '--batch', '--wait'])
    expect(stdout).toContain('the batch is done after 3 rounds\n')
    expect(code).toBe(0)
  })

  test('on a terminal it is the first line, drawn anew with the rest', async () => {
    const stdout = new FakeTerminal(true, 60)
    await (
      await going(ROUNDS)
    ).run(['want', 'a', 'b', '--batch', '--wait'], { stdout, env: { NO_COLOR: '1' } })
    expect(stdout.written[0]?.split('\n')[0]).toBe('batch  gathering')
    expect(stdout.written[2]?.startsWith('\u001b[3A\u001b[0Jbatch  round 2, 1 failing')).toBe(true)
    const drawn = stripVTControlCharacters(stdout.written.slice(0, 4).join(''))
    expect(drawn.split('\n').filter((line) => line.length > 59)).toEqual([])
  })
})
