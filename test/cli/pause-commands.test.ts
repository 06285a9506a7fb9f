import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pauseFilePath, readPauseFile } from '../../src/config/pause-file.ts'
import { timeInWords } from '../../src/cli/words.ts'
import type { ActionAnswer } from '../../src/http/api-types.ts'
import { CP311 } from '../http/http-fixtures.ts'
import { run, serve, tempFolder } from './cli-fixtures.ts'

const NOW_MS = 1_767_225_600_000
const HOUR = 3_600_000

describe('a node that runs', () => {
  async function answering(answer: Partial<ActionAnswer>) {
    const node = await serve()
    const calls: unknown[] = []
    node.control.act = async (action, request) => (
      calls.push([action, request]),
      { mode: 'paused', pauses: [], running: [], ...answer }
    )
    return { ...node, calls }
  }

  test('pause hands on for how long, why, and whether at once, and says what goes on', async () => {
    const running = [{ job: `numpy==2.3.1@${CP311}`, phase: 'build', elapsedMs: 240_000 }]
    const pauses = [{ cause: 'owner', reason: 'x', sinceMs: NOW_MS, untilMs: NOW_MS + 2 * HOUR }]
    const node = await answering({ running, pauses })
    const { code, stdout } = await node.run(['pause', '2h', '--reason', 'video night'])
    expect([code, node.calls]).toEqual([
      0,
      [['pause', { forMs: 2 * HOUR, reason: 'video night', now: false }]]
    ])
    expect(stdout).toContain(`until ${timeInWords(NOW_MS + 2 * HOUR, NOW_MS)}`)
    expect(stdout).toContain('It still builds numpy 2.3.1 for cp311 (4 min so far)')
    await node.run(['pause', '--now'])
    expect(node.calls.at(-1)).toEqual(['pause', { reason: '', now: true }])
    expect(JSON.parse((await node.run(['pause', '--json'])).stdout)).toMatchObject({ mode: 'paused' })
  })

  test('resume says what still speaks against building, and finish what it waits for', async () => {
    const hot = await answering({ pauses: [{ cause: 'heat', reason: '81 °C', sinceMs: NOW_MS }] })
    expect((await hot.run(['resume'])).stdout).toContain('81 °C')
    expect((await (await answering({ mode: 'running' })).run(['resume'])).stdout).toContain(
      'takes jobs again'
    )
    const running = [{ job: `numpy==2.3.1@${CP311}`, phase: 'build', elapsedMs: 1_000 }]
    expect((await (await answering({ running })).run(['finish'])).stdout).toContain('stops when numpy 2.3.1')
    expect((await (await answering({})).run(['finish'])).stdout).toContain('stops now')
  })
})

describe('a node that is stopped', () => {
  async function stopped(): Promise<string> {
    const folder = await tempFolder()
    await writeFile(join(folder, 'node.key'), 'a key')
    return folder
  }

  test('is paused for its next start, with the end that it will have, and resumed', async () => {
    const data = await stopped()
    const { code, stdout } = await run(['pause', '90m', '--reason', 'moving house', '--data', data])
    expect([code, stdout]).toEqual([0, expect.stringContaining('From its next start on') as string])
    expect(await readPauseFile(data)).toEqual({
      reason: 'moving house',
      sinceMs: NOW_MS,
      lastsMs: 1.5 * HOUR,
      untilMs: NOW_MS + 1.5 * HOUR
    })
    expect((await run(['resume', '--data', data])).stdout).toContain('builds again from its next start')
    expect(await readPauseFile(data)).toBeUndefined()
    expect((await run(['resume', '--data', data])).stdout).toContain('was not paused')
    await writeFile(pauseFilePath(data), 'broken')
    expect((await run(['resume', '--data', data])).code).toBe(0)
    await expect(readFile(pauseFilePath(data))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('cannot finish, and a folder without a node is nobody to pause', async () => {
    expect((await run(['finish', '--data', await stopped()])).code).toBe(1)
    const { code, stderr } = await run(['pause', '--data', await tempFolder()])
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no node in') as string])
  })

  test('what is no duration is wrong usage', async () => {
    expect((await run(['pause', 'tomorrow', '--data', await stopped()])).code).toBe(2)
  })
})
