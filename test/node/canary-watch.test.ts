import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Canary } from '../../src/build/canary.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { CanaryWatch } from '../../src/node/canary-watch.ts'
import { canary as canaryCheck } from '../../src/node/doctor/canary-check.ts'
import type { CheckContext } from '../../src/node/doctor/check.ts'
import { PauseBoard } from '../../src/node/pausing/pause-board.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const MINUTE = 60_000
const TARGETS = ['cp311-linux_armv7l-glibc2.36', 'cp313-linux_armv7l-glibc2.36'] as TargetId[]

/** A machine whose compiler, and whose luck, a test sets. */
class Machine implements Canary {
  readonly targets = TARGETS
  compiler = 'gcc 12'
  trouble = ''
  readonly built: TargetId[] = []

  environment(): Promise<string> {
    return Promise.resolve(this.compiler)
  }

  run(target: TargetId, signal: AbortSignal): ReturnType<Canary['run']> {
    signal.throwIfAborted()
    this.built.push(target)
    const isBad = this.trouble !== '' && target === TARGETS[1]
    return Promise.resolve({
      target,
      trouble: isBad ? this.trouble : '',
      durationMs: 900,
      logLines: isBad ? ['cc: internal error'] : [],
      ...(!isBad && { wheel: 'commonwheel_canary-1.0-py3-none-any.whl' })
    })
  }
}

async function aWatch(machine: Machine): Promise<{
  watch: CanaryWatch
  board: PauseBoard
  clock: FakeClock
  dataDir: string
  pass: (ms: number) => Promise<void>
}> {
  const clock = new FakeClock()
  const board = new PauseBoard({ clock, log: silentLog })
  const dataDir = await tempFolder()
  const watch = new CanaryWatch({ canary: machine, board, clock, log: silentLog, dataDir })
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms)
    const before = machine.built.length
    watch.tick()
    await vi.waitFor(() => {
      expect(machine.built.length).toBeGreaterThan(before)
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { watch, board, clock, dataDir, pass }
}

test('a good canary of every target lets the node build, and is not built again in the same environment', async () => {
  const machine = new Machine()
  const { watch, board, clock } = await aWatch(machine)
  expect(await watch.first()).toBe(true)
  expect(machine.built).toEqual(TARGETS)
  expect(board.all()).toEqual([])
  await clock.advance(60 * MINUTE)
  watch.tick()
  await watch.stop()
  expect(machine.built).toEqual(TARGETS)
})

test('another compiler: the canary is built again, and one that fails pauses the node with target and reason', async () => {
  const machine = new Machine()
  const { watch, board, pass } = await aWatch(machine)
  await watch.first()
  machine.compiler = 'gcc 13'
  machine.trouble = 'cc ended with an internal error'
  await pass(10 * MINUTE)
  await vi.waitFor(() => {
    expect(board.isSet('canary')).toBe(true)
  })
  expect(board.note()?.reason).toContain(`${TARGETS[1]}: cc ended with an internal error`)
  expect(board.note()?.reason).not.toContain(TARGETS[0])
  await watch.stop()
})

test('a failed one is tried again, later each time, and lifts the pause by itself', async () => {
  const machine = new Machine()
  machine.trouble = 'no room'
  const { watch, board, clock, pass } = await aWatch(machine)
  expect(await watch.first()).toBe(true)
  expect(board.isSet('canary')).toBe(true)
  await pass(MINUTE)
  expect(machine.built).toHaveLength(4)
  // not after one minute again, but after two
  await clock.advance(MINUTE)
  watch.tick()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(machine.built).toHaveLength(4)
  machine.trouble = ''
  await pass(MINUTE)
  await vi.waitFor(() => {
    expect(board.isSet('canary')).toBe(false)
  })
  await watch.stop()
})

test('a node that stops does not wait for its canary', async () => {
  const machine = new Machine()
  machine.run = (_target, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error)
      })
    })
  const { watch, board } = await aWatch(machine)
  const first = watch.first()
  await watch.stop()
  expect(await first).toBe(false)
  expect(board.all()).toEqual([])
})

test('doctor tells what came of it, with the end of the log, also when no node runs', async () => {
  const machine = new Machine()
  const { watch, dataDir, pass } = await aWatch(machine)
  const context = { config: { dataDir, roles: ['build'] }, node: undefined } as unknown as CheckContext
  expect(await canaryCheck.run(context)).toMatchObject({ level: 'skipped' })
  await watch.first()
  expect(await canaryCheck.run(context)).toMatchObject({ level: 'ok' })
  expect(JSON.parse(await readFile(join(dataDir, 'canary.json'), 'utf8'))).toMatchObject({
    environment: 'gcc 12'
  })
  machine.compiler = 'gcc 13'
  machine.trouble = 'no room'
  await pass(10 * MINUTE)
  const finding = await canaryCheck.run(context)
  expect(finding.level).toBe('failure')
  expect(finding.found).toContain('cc: internal error')
  await watch.stop()
})
