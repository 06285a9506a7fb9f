import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { AbortOptions } from '../../src/core/ports.ts'
import { apiError } from '../../src/http/api-error.ts'
import { CP311, CP313, aJobView } from '../http/http-fixtures.ts'
import { FakeTerminal, serve, tempFolder } from './cli-fixtures.ts'
import { aJob, aWant, building, built, failed, failure, going, wheel } from './want-fixtures.ts'

const STORY = [
  aWant([aJob('spidev', CP311)]),
  aWant([aJob('spidev', CP311, { ...building, elapsedMs: 1_000 })]),
  aWant([aJob('spidev', CP311, { ...building, elapsedMs: 2_000 })]),
  aWant([aJob('spidev', CP311, built), aJob('spidev', CP313, { state: 'waiting', reason: 'after cp311' })]),
  aWant([aJob('spidev', CP311, built), aJob('spidev', CP313, failed)], { done: true })
]

describe('asking', () => {
  test('specs of the words and of files, each once, and what was asked', async () => {
    const node = await serve()
    const file = join(await tempFolder(), 'requirements.txt')
    await writeFile(file, '# ours\nNumPy >= 2 --hash=sha256:00\nspidev[x]==3.5 ; python_version > "3"\n')
    const ran = await node.run(['want', 'Doc_Opt', 'spidev==3.5', '-r', file, '--target', CP311])
    expect(ran.code).toBe(0)
    expect(node.control.calls).toEqual([
      { specs: ['doc-opt', 'spidev==3.5', 'numpy>=2'], targets: [CP311], batch: false, atomic: false }
    ])
    expect(ran.stdout).toContain('Asked for 3 specs.')
    expect(ran.stdout).toContain(`demo 1.0  ${CP311}  queued`)
  })

  test('--json is the answer', async () => {
    const { stdout } = await (await serve()).run(['want', 'numpy', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ want: 'w1' })
  })

  test('a bad line of a file is named, and nothing asked', async () => {
    const node = await serve()
    const file = join(await tempFolder(), 'requirements.txt')
    await writeFile(file, 'numpy\n-e .\n')
    const ran = await node.run(['want', '-r', file])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain(`-r ${file}: line 2: `)
    expect(node.control.calls).toEqual([])
  })
})

describe('waiting', () => {
  test('a line for each change, failures with class and reason, and exit code 1', async () => {
    const node = await going(STORY)
    const { code, stdout, stderr } = await node.run(['want', 'spidev', '--wait'])
    expect(stdout.split('\n')).toEqual([
      `spidev 1.0  ${CP311}  queued`,
      `spidev 1.0  ${CP311}  building  build, 1 s, on pi-kitchen`,
      `spidev 1.0  ${CP311.padEnd(CP313.length)}  built     ${wheel.filename} (4.0 KiB), 9 s, on pi-kitchen`,
      `spidev 1.0  ${CP313}  waiting   after cp311`,
      `spidev 1.0  ${CP313}  failed    missing-dependency: ${failure.reason}`,
      '',
      `spidev==1.0@${CP313}: missing-dependency: ${failure.reason}`,
      `  commonwheel logs spidev==1.0@${CP313}`,
      '1 built, 1 failed; 1 min 5 s',
      ''
    ])
    expect([code, stderr]).toEqual([1, 'commonwheel: 1 of 2 jobs failed\n'])
  })

  test('all well', async () => {
    const node = await going([
      STORY[1]!,
      aWant([aJob('spidev', CP311, built), aJob('six', CP311, { state: 'upstream' })], { done: true })
    ])
    const { code, stdout, stderr } = await node.run(['want', 'spidev', 'six', '--wait'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('1 built, 1 shipped by upstream; 1 min 5 s')
  })

  test('--json prints the end alone', async () => {
    const { code, stdout } = await (await going(STORY)).run(['want', 'spidev', '--wait', '--json'])
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(STORY.at(-1))))
    expect(code).toBe(1)
  })

  test('on a terminal each job is one line that is drawn anew', async () => {
    const stdout = new FakeTerminal(true, 60)
    await (await going(STORY)).run(['want', 'spidev', '--wait'], { stdout, env: { NO_COLOR: '1' } })
    const [first, second, , fourth] = stdout.written
    expect(first).toBe(`spidev 1.0  ${CP311}  queued\n`)
    expect(second).toBe(`\u001b[1A\u001b[0Jspidev 1.0  ${CP311}  building  build,…\n`)
    expect(fourth?.split('\n')).toHaveLength(3)
    expect(stdout.written[4]?.startsWith('\u001b[2A\u001b[0J')).toBe(true)
    const drawn = stripVTControlCharacters(stdout.written.slice(0, 5).join(''))
    expect(drawn.split('\n').filter((line) => line.length > 59)).toEqual([])
  })

  test('more jobs than lines: those that move are shown, the rest counted', async () => {
    const many = Array.from({ length: 60 }, (_, index) => aJob(`p${index}`, CP311, { state: 'built' }))
    const node = await going([aWant([...many, aJob('last', CP311, building)]), aWant(many, { done: true })])
    const stdout = new FakeTerminal(true)
    await node.run(['want', 'last', '--wait'], { stdout, env: { NO_COLOR: '1' } })
    const lines = stdout.written[0]!.trimEnd().split('\n')
    expect(lines).toHaveLength(22)
    expect(lines[0]).toContain('last 1.0')
    expect(lines.at(-1)).toBe('… and 40 more jobs')
  })

  test('names and versions that upstream does not have end as failures', async () => {
    const reason = 'upstream has no release demo==9; its newest is 1.0'
    const none = {
      id: 'demo==9',
      version: '',
      failure: { class: 'package', cause: 'unknown-version', reason }
    }
    const node = await going([aWant([aJob('demo', '', { ...none, state: 'failed' })], { done: true })])
    const { code, stdout, stderr } = await node.run(['want', 'demo==9', '--wait'])
    expect(stdout).toContain(`demo==9: package: ${reason}\n`)
    expect([code, stderr]).toEqual([1, 'commonwheel: 1 of 1 job failed\n'])
  })

  test('Ctrl-C leaves the want standing and says so', async () => {
    const node = await going([STORY[0]!])
    const interrupt = new AbortController()
    const sleep = async (): Promise<void> => {
      interrupt.abort(new Error('interrupted'))
      throw interrupt.signal.reason
    }
    const ran = await node.run(['want', 'spidev', '--wait'], { signal: interrupt.signal, sleep })
    expect(ran.code).toBe(1)
    expect(ran.stderr).toBe(
      'commonwheel: not waiting any longer\n  the want stands: `commonwheel jobs` shows how it goes\n'
    )
  })

  test('a node that is started again is waited for', async () => {
    const gone = apiError('UNAVAILABLE', 'starting')
    const node = await going([STORY[0]!, gone, gone, STORY.at(-1)!])
    expect((await node.run(['want', 'spidev', '--wait'])).stdout).toContain('1 built, 1 failed')
  })

  test('a node that does not come back is given up', async () => {
    const node = await going([STORY[0]!, apiError('UNAVAILABLE', 'starting')])
    const ran = await node.run(['want', 'spidev', '--wait'])
    expect(ran).toMatchObject({ code: 1, stderr: 'commonwheel: starting\n' })
    expect(node.control.calls.filter((call) => typeof call === 'object' && 'look' in call!)).toHaveLength(62)
  })

  test('an event ends the pause', async () => {
    const node = await going(STORY)
    const pauses: number[] = []
    const sleep = async (ms: number, { signal }: AbortOptions = {}): Promise<void> => {
      pauses.push(ms)
      if (ms < 500) return
      // Nothing but the event wakes this sleeper.
      const woken = new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          reject(signal.reason as Error)
        })
      })
      while (node.control.listeners.size === 0) await new Promise(setImmediate)
      node.control.emit({ kind: 'job', atMs: 0, job: aJobView() })
      await woken
    }
    expect((await node.run(['want', 'spidev', '--wait'], { sleep })).stdout).toContain('1 built, 1 failed')
    expect(pauses.slice(0, 2)).toEqual([200, 800])
  })
})
