import { describe, expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../../src/core/ports.ts'
import { diskWatches } from '../../src/node/pausing/disk-watches.ts'
import type { MachineReadings } from '../../src/node/pausing/machine-readings.ts'
import { MachineWatch } from '../../src/node/pausing/machine-watch.ts'
import { type Caps, machineWatches } from '../../src/node/pausing/machine-watches.ts'
import { PauseBoard } from '../../src/node/pausing/pause-board.ts'
import { PeerClocks } from '../../src/node/pausing/peer-clocks.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const GiB = 1024 ** 3
const MINUTE = 60_000

const CAPS: Caps = { hours: '', reserveMemory: GiB / 8, temperature: 80, cpuPressure: 50, memoryPressure: 50 }

/** A machine whose every reading can be set; all is well at first. */
class FakeMachine implements MachineReadings {
  celsius: number | undefined = 50
  supply = { isLow: false, isThrottled: false }
  free = GiB
  waits = { cpu: 0, memory: 0 }
  refusal: string | undefined
  writes = 0
  writeFails: string | undefined
  rooms = { freeBytes: 10 * GiB, freeInodes: 1_000_000, inodes: 1_000_000, device: 1 }
  buildRoom: Partial<typeof this.rooms> = {}

  temperature = async (): Promise<number | undefined> => this.celsius
  power = async (): Promise<typeof this.supply> => this.supply
  availableMemory = async (): Promise<number> => this.free
  pressure = async (what: 'cpu' | 'memory'): Promise<number> => this.waits[what]
  room = async (folder: string): Promise<typeof this.rooms> =>
    folder === '/build' ? { ...this.rooms, ...this.buildRoom } : this.rooms
  mayWrite = async (): Promise<string | undefined> => this.refusal
  tryWrite = async (): Promise<string | undefined> => (this.writes++, this.writeFails)
}

/** The whole watch of a node over such a machine, on a clock that is moved by hand. */
async function watched(over: Partial<Caps> = {}, clock = new FakeClock()) {
  const machine = new FakeMachine()
  const board = new PauseBoard({ clock, log: silentLog })
  const state = {
    building: false,
    behindMs: undefined as number | undefined,
    sandbox: undefined as string | undefined,
    buildRoom: 0
  }
  const disk = { clock, readings: machine, dataDir: '/data', buildRoot: '/build', minFree: GiB }
  const watches = [
    ...diskWatches({
      ...disk,
      onBuildRoom: (bytes) => (state.buildRoom = bytes),
      roomTrouble: () => (machine.rooms.freeBytes < GiB ? 'the disk is full' : undefined),
      storageTrouble: () => undefined
    }),
    ...machineWatches({
      ...{ clock, readings: machine, caps: { ...CAPS, ...over }, madeMs: 1_600_000_000_000 },
      isBuilding: () => state.building,
      behindMs: () => state.behindMs,
      trySandbox: async () => state.sandbox
    })
  ]
  const watch = new MachineWatch({ clock, log: silentLog, board, watches })
  await watch.start()
  onTestFinished(() => watch.stop())
  const causes = (): readonly string[] => board.all().map(({ cause }) => cause)
  return { machine, board, state, clock, causes }
}

describe('what the machine says', () => {
  test('heat: not for one peak, then until it is 5 °C cooler, for a minute', async () => {
    const { machine, board, clock, causes } = await watched()
    machine.celsius = 95
    await clock.advance(10_000)
    machine.celsius = 60
    await clock.advance(10_000)
    expect(causes()).toEqual([])
    machine.celsius = 81
    await clock.advance(30_000)
    expect(board.all()).toEqual([
      expect.objectContaining({
        cause: 'heat',
        reason: expect.stringMatching(/81 °C.*80 °C.*75 °C/) as string
      })
    ])
    // Just below the bound, for an hour: a node that builds again would be as hot at once.
    machine.celsius = 76
    await clock.advance(60 * MINUTE)
    expect(causes()).toEqual(['heat'])
    machine.celsius = 74
    await clock.advance(MINUTE)
    expect(causes()).toEqual(['heat'])
    await clock.advance(20_000)
    expect(causes()).toEqual([])
  })

  test('heat that swings about the bound pauses once, not again and again', async () => {
    const { machine, clock, board } = await watched()
    let changes = 0
    let before = false
    for (let at = 0; at < 360; at++) {
      machine.celsius = at % 5 === 0 ? 74 : 82
      await clock.advance(10_000)
      if (board.isSet('heat') !== before) changes++
      before = board.isSet('heat')
    }
    expect(changes).toBe(1)
  })

  test('low voltage counts at once, and each time that it comes back it rests twice as long', async () => {
    const { machine, clock, causes } = await watched()
    const rests: number[] = []
    for (let dip = 0; dip < 6; dip++) {
      machine.supply = { isLow: true, isThrottled: true }
      await clock.advance(10_000)
      expect(causes()).toEqual(['undervoltage'])
      machine.supply = { isLow: false, isThrottled: false }
      let rest = 0
      for (; causes().length > 0; rest++) await clock.advance(10_000)
      rests.push(Math.floor(rest / 6))
    }
    expect(rests).toEqual([2, 4, 8, 16, 30, 30])
  })

  test('memory and load of others count; those of a build do not', async () => {
    const { machine, clock, state, causes } = await watched()
    Object.assign(machine, { free: GiB / 16, waits: { cpu: 99, memory: 99 } })
    state.building = true
    await clock.advance(5 * MINUTE)
    expect(causes()).toEqual([])
    state.building = false
    await clock.advance(30_000)
    expect(causes()).toEqual(['memory', 'load'])
    Object.assign(machine, { free: GiB, waits: { cpu: 30, memory: 30 } })
    await clock.advance(10 * MINUTE)
    // Better than the bound, and not yet by half.
    expect(causes()).toEqual(['memory', 'load'])
    machine.waits = { cpu: 10, memory: 10 }
    await clock.advance(70_000)
    expect(causes()).toEqual([])
  })

  test('a disk that is short, of bytes or of inodes, here or where builds happen', async () => {
    const { machine, clock, state, causes } = await watched()
    expect(state.buildRoom).toBe(9 * GiB)
    machine.rooms = { ...machine.rooms, freeBytes: 0.9 * GiB, freeInodes: 10_000 }
    await clock.advance(10_000)
    expect(causes()).toEqual(['disk', 'inodes'])
    machine.rooms = { ...machine.rooms, freeBytes: 1.1 * GiB, freeInodes: 22_000 }
    await clock.advance(10 * MINUTE)
    expect(causes()).toEqual(['disk', 'inodes'])
    machine.rooms = { ...machine.rooms, freeBytes: 1.3 * GiB, freeInodes: 30_000 }
    await clock.advance(70_000)
    expect(causes()).toEqual([])
    machine.buildRoom = { device: 2, freeBytes: GiB / 4 }
    await clock.advance(10_000)
    expect(causes()).toEqual(['disk'])
  })

  test('a disk that takes no writes is seen without writing, one that only says so within ten minutes', async () => {
    const { machine, clock, board, causes } = await watched()
    await clock.advance(9 * MINUTE)
    // One round of small writes an hour would be six: the card is spared.
    expect(machine.writes).toBe(1)
    machine.refusal = 'EROFS'
    await clock.advance(10_000)
    expect(board.all()[0]?.reason).toMatch(/read-only.*dmesg/)
    machine.refusal = undefined
    await clock.advance(10_000)
    expect(causes()).toEqual([])
    machine.writeFails = 'EIO'
    await clock.advance(10 * MINUTE)
    expect(causes()).toEqual(['read-only'])
    machine.writeFails = undefined
    await clock.advance(10_000)
    expect(causes()).toEqual([])
  })

  test('a sandbox that no longer runs, looked at when nothing is built', async () => {
    const { clock, state, causes } = await watched()
    Object.assign(state, { sandbox: 'bubblewrap is not installed', building: true })
    await clock.advance(30 * MINUTE)
    expect(causes()).toEqual([])
    state.building = false
    await clock.advance(10_000)
    expect(causes()).toEqual(['sandbox'])
    state.sandbox = undefined
    await clock.advance(MINUTE)
    expect(causes()).toEqual([])
  })

  test('a clock from before the program, or an hour behind the others', async () => {
    const { causes } = await watched({}, new FakeClock(0))
    expect(causes()).toEqual(['clock'])
    const { state, clock, causes: later } = await watched()
    state.behindMs = 59 * MINUTE
    await clock.advance(10_000)
    expect(later()).toEqual([])
    state.behindMs = 61 * MINUTE
    await clock.advance(10_000)
    expect(later()).toEqual(['clock'])
  })

  test('what it cannot tell speaks against nothing, and a sensor that goes away lifts what it said', async () => {
    const { machine, clock, causes } = await watched()
    machine.celsius = 90
    await clock.advance(30_000)
    machine.celsius = undefined
    await clock.advance(2 * MINUTE)
    expect(causes()).toEqual([])
    machine.power = () => Promise.reject(new Error('a driver that fails'))
    await clock.advance(10 * MINUTE)
    expect(causes()).toEqual([])
  })

  test('hours: by the clock of the machine, with the time at which they begin', async () => {
    const start = new Date(2026, 4, 6, 21, 0).getTime()
    const { board, clock } = await watched({ hours: '22:00-07:00' }, new FakeClock(start))
    const opens = new Date(2026, 4, 6, 22, 0).getTime()
    expect(board.all()).toEqual([expect.objectContaining({ cause: 'hours', untilMs: opens })])
    // No trouble of the machine: /health stays well.
    expect(board.troubles()).toEqual([])
    await clock.advance(opens - start)
    expect(board.all()).toEqual([])
  })
})

describe('the clocks of the others', () => {
  const wall = { monotonicMs: () => 1_000, wallMs: () => 10 * 60 * MINUTE } as Clock
  const result = (finishedMs: number) =>
    ({ kind: 'result', startedMs: finishedMs, durationMs: 0 }) as unknown as never
  const behind = (told: Readonly<Record<string, number>>): number | undefined => {
    const clocks = new PeerClocks(wall, 'me' as never)
    for (const [node, hours] of Object.entries(told))
      clocks.heard({ node: node as never, records: [result(hours * 60 * MINUTE)] })
    return clocks.behindMs()
  }

  test('one that is ahead may be wrong itself; half of them are not', () => {
    expect(behind({ a: 99, me: 99 })).toBeUndefined()
    expect(behind({ a: 99, b: 9 })).toBeUndefined()
    expect(behind({ a: 99, b: 12 })).toBe(2 * 60 * MINUTE)
    expect(behind({ a: 99, b: 99, c: 11, d: 8, e: 7 })).toBe(60 * MINUTE)
    // Old entries come with a sync, and say nothing.
    expect(behind({ a: 1, b: 2, c: 3 })).toBeUndefined()
  })
})
