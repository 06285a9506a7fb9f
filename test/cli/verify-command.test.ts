import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { VerifyEvent } from '../../src/http/verify-types.ts'
import { databaseFolder } from '../../src/storage/keys.ts'
import { databaseFiles, flipByte, largestFile } from '../support/feed-folder.ts'
import { run, serve, type Ran } from './cli-fixtures.ts'
import { aStoppedNode, contentOf, each, noEvents, type StoppedNode } from './stopped-node.ts'

let node: StoppedNode
let folder = ''

beforeEach(async () => {
  node = await aStoppedNode()
  folder = node.folder
})

const offline = (...words: string[]): Promise<Ran> => run([...words, '--data', folder])

describe('verify, with no node running', () => {
  test('all is well', async () => {
    const { code, stdout } = await offline('verify')
    expect(code).toBe(0)
    expect(stdout).toContain('2 feeds with 1560 entries, 1 file')
    expect(stdout).toContain('All is well.')
  })

  test('a file with other bytes is told, then moved away', async () => {
    await writeFile(node.blobPath(), 'the bytes of a whee1')
    const told = await offline('verify', '--json')
    expect(told.code).toBe(1)
    expect(told.stderr).toContain('commonwheel verify --repair')
    expect(JSON.parse(told.stdout)).toMatchObject({
      ok: false,
      blobs: { bad: [{ sha256: node.blob, done: 'kept' }] }
    })
    expect((await stat(node.blobPath())).size).toBe(20)

    const mended = await offline('verify', '--repair')
    expect(mended.code, mended.stderr).toBe(0)
    expect(mended.stdout).toContain('moved away')
    await expect(stat(node.blobPath())).rejects.toThrow('ENOENT')
    expect((await offline('verify')).code).toBe(0)
  })

  test('a byte that LevelDB reads without a word is found by its checksum, and mended', async () => {
    const path = await largestFile(folder, /\.ldb$/)
    await flipByte(path, 0.5)
    const told = await offline('verify', '--json')
    expect(told.code).toBe(1)
    const report = JSON.parse(told.stdout) as { tables: { bad: { file: string; problem: string }[] } }
    expect(report.tables.bad[0]?.problem).toMatch(/^the checksum at byte \d+ is wrong$/)

    const mended = await offline('verify', '--repair', '--json')
    expect(mended.code, mended.stderr).toBe(0)
    expect(JSON.parse(mended.stdout)).toMatchObject({ ledger: 'repaired' })
    const again = await offline('verify')
    expect(again.code, again.stdout).toBe(0)
    // All of it lay in that one table, of which each entry is believed by its chain and signature. What comes behind the flip in its
    // feed comes back from the other members; this node cannot know what they had of its own.
    const { own, others, incarnation } = await contentOf(folder)
    expect(own + others).toBeGreaterThan(500)
    expect(own + others).toBeLessThan(1_560)
    expect(incarnation).toBe(false)
  })

  test('a broken manifest is told before LevelDB throws away what it does not name', async () => {
    await flipByte(await largestFile(folder, /^MANIFEST/), 0.5)
    const before = await databaseFiles(folder, /\.ldb$/)
    expect((await offline('verify')).code).toBe(1)
    expect(await databaseFiles(folder, /\.ldb$/)).toEqual(before)
    expect((await offline('verify', '--repair')).code).toBe(0)
    expect(await contentOf(folder)).toMatchObject({ own: 60, others: 1_500 })
  })

  test('another process has the folder: it is named', async () => {
    const script = `
      import { Level } from 'level'
      await new Level(process.argv[1]).open()
      console.log('open')
      setInterval(() => {}, 1000)`
    const words = ['--input-type=module', '-e', script, databaseFolder(folder)]
    const other = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void other.kill('SIGKILL'))
    await once(other.stdout, 'data')
    const { code, stderr } = await offline('verify')
    expect(code).toBe(1)
    expect(stderr).toContain(`process ${other.pid} uses this folder: stop it (kill ${other.pid})`)
    expect(stderr).toContain('--data DIR')
  })
})

describe('verify, of a node that runs', () => {
  async function answering(
    ...events: readonly VerifyEvent[]
  ): Promise<{ ran: Ran; asked: readonly boolean[] }> {
    const asked: boolean[] = []
    const served = await serve({
      storage: {
        verify: ({ repair }) => {
          asked.push(repair)
          return each(events)
        },
        entries: () => noEvents()
      }
    })
    return { ran: await served.run(['verify', '--repair', '--json']), asked }
  }

  const sound = {
    tables: { checked: 1, bad: [] },
    feeds: { checked: 1, entries: 2, bad: [] },
    blobs: { checked: 0, bytes: 0, bad: [] }
  }

  test('shows its progress and prints its report', async () => {
    const report = { ok: true, ...sound }
    const progress = { step: 'feeds', done: 1, total: 2 } as const
    const { ran, asked } = await answering({ kind: 'progress', progress }, { kind: 'report', report })
    expect(ran).toMatchObject({ code: 0, stderr: '  feeds: 1 of 2 entries\n' })
    expect(JSON.parse(ran.stdout)).toEqual(report)
    expect(asked).toEqual([true])
  })

  test('a node that gives up, or goes away, is no success', async () => {
    const gaveUp = await answering({ kind: 'failed', reason: 'the disk is gone' })
    expect(gaveUp.ran.code).toBe(1)
    expect(gaveUp.ran.stderr).toContain('the disk is gone')
    expect((await answering()).ran).toMatchObject({ code: 1 })
  })

  test('without the token it does nothing', async () => {
    const served = await serve()
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"repair":true}' }
    for (const path of ['verify', 'entries']) {
      expect((await fetch(new URL(`api/v1/${path}`, served.file.url), init)).status).toBe(401)
    }
  })
})
