import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { pauseFilePath, readPauseFile } from '../../src/config/pause-file.ts'
import type { Clock } from '../../src/core/ports.ts'
import { OwnerPause } from '../../src/node/pausing/owner-pause.ts'
import { PauseBoard } from '../../src/node/pausing/pause-board.ts'
import { silentLog } from '../support/test-ports.ts'

const HOUR = 3_600_000
const MADE_MS = 1_700_000_000_000
const NOON = MADE_MS + 1_000 * HOUR

/** Two clocks: one that runs, and one that somebody may set. */
class TwoClocks implements Clock {
  ranMs = 0
  setMs: number
  constructor(wallMs: number) {
    this.setMs = wallMs
  }
  monotonicMs = (): number => this.ranMs
  wallMs = (): number => this.setMs + this.ranMs
  sleep = (): Promise<void> => Promise.reject(new Error('nobody sleeps here'))
}

let dataDir = ''
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cw-pause-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
})

/** A start of the node, at that time. */
async function started(wallMs: number) {
  const clock = new TwoClocks(wallMs)
  const board = new PauseBoard({ clock, log: silentLog })
  const owner = new OwnerPause({ dataDir, clock, log: silentLog, board, madeMs: MADE_MS })
  await owner.load()
  const after = (ms: number): boolean => {
    clock.ranMs += ms
    owner.tick()
    return board.isSet('owner')
  }
  return { clock, board, owner, after }
}

test('a pause without an end outlasts every restart, until somebody ends it', async () => {
  const first = await started(NOON)
  await first.owner.begin({ reason: 'video night' })
  expect(first.board.all()[0]?.reason).toBe('its owner paused it: video night')
  expect(first.after(1_000 * HOUR)).toBe(true)
  const second = await started(NOON + 5_000 * HOUR)
  expect(second.after(1_000 * HOUR)).toBe(true)
  await second.owner.end()
  expect(second.board.all()).toEqual([])
  expect((await started(NOON)).board.all()).toEqual([])
})

test('a timed one ends by itself, and is not taken up again', async () => {
  const { owner, after, board } = await started(NOON)
  await owner.begin({ reason: '', forMs: 2 * HOUR })
  expect(board.all()[0]?.untilMs).toBe(NOON + 2 * HOUR)
  expect(after(2 * HOUR - 1)).toBe(true)
  expect(after(1)).toBe(false)
  await expect.poll(() => readPauseFile(dataDir)).toBeUndefined()
})

test('over a restart what is left counts, and never more than the whole', async () => {
  await (await started(NOON)).owner.begin({ reason: '', forMs: 2 * HOUR })
  const later = await started(NOON + 1.5 * HOUR)
  expect([later.after(HOUR / 2 - 1), later.after(1)]).toEqual([true, false])
  await (await started(NOON)).owner.begin({ reason: '', forMs: 2 * HOUR })
  expect((await started(NOON + 3 * HOUR)).board.all()).toEqual([])
})

test('a clock that is set right while the node runs neither ends nor prolongs it', async () => {
  const { owner, clock, after, board } = await started(NOON)
  await owner.begin({ reason: '', forMs: 2 * HOUR })
  clock.setMs += 300 * HOUR
  expect(after(HOUR)).toBe(true)
  expect(board.all()[0]?.untilMs).toBe(clock.wallMs() + HOUR)
  // A restart goes by the clock as it is now.
  await expect.poll(async () => (await readPauseFile(dataDir))?.untilMs).toBe(clock.wallMs() + HOUR)
  expect([after(HOUR - 1), after(1)]).toEqual([true, false])
})

test('a Pi that boots in the past waits, and goes by the right time once it has it', async () => {
  await (await started(NOON)).owner.begin({ reason: '', forMs: 2 * HOUR })
  const inThePast = await started(NOON - 700 * HOUR)
  expect(inThePast.board.all()[0]).not.toHaveProperty('untilMs')
  expect(inThePast.after(60_000)).toBe(true)
  inThePast.clock.setMs = NOON + HOUR
  expect(inThePast.after(60_000)).toBe(true)
  expect([inThePast.after(HOUR - 4 * 60_000), inThePast.after(3 * 60_000)]).toEqual([true, false])
})

test('one that began when the clock was wrong counts whole after each start, and ends all the same', async () => {
  await (await started(5_000)).owner.begin({ reason: '', forMs: HOUR })
  const later = await started(NOON)
  expect([later.after(HOUR - 1), later.after(1)]).toEqual([true, false])
})

test('a file that is broken pauses, and resume takes it away', async () => {
  await writeFile(pauseFilePath(dataDir), '{ "reason": 1 }')
  const { board, owner } = await started(NOON)
  expect(board.all()[0]?.reason).toMatch(/commonwheel resume/)
  await owner.end()
  await expect(readFile(pauseFilePath(dataDir))).rejects.toMatchObject({ code: 'ENOENT' })
})
