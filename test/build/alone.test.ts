import { expect, test } from 'vitest'
import { aloneAgain } from '../../src/build/alone.ts'
import type { BuildReport, BuildRequest, WheelBuilder } from '../../src/core/ports.ts'

const LIMITS = { memoryBytes: 8_000, diskBytes: 1, wallMs: 1 }
const outOfMemory = { failure: { class: 'resource', cause: 'out-of-memory', reason: 'r' }, durationMs: 10 }
const crashed = { failure: { class: 'package', cause: 'build-failed', reason: 'r' }, durationMs: 10 }
const built = { wheel: {}, durationMs: 5 }

/** A builder whose builds end when they are told to. */
class StagedBuilder implements WheelBuilder {
  readonly running: ((report: object) => void)[] = []
  async build(): Promise<BuildReport> {
    return new Promise((resolve) => {
      this.running.push((report) => {
        resolve(report as BuildReport)
      })
    })
  }
}

function stage() {
  const [beside, alone] = [new StagedBuilder(), new StagedBuilder()]
  const builder = aloneAgain({ beside, alone, limits: LIMITS })
  const start = async (signal = new AbortController().signal) =>
    builder.build({} as BuildRequest, { signal, onPhase: () => undefined })
  return { beside, alone, start }
}

const settle = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a build that ran out of memory waits until it is alone, and keeps others out while it runs', async () => {
  const { beside, alone, start } = stage()
  const large = start()
  const other = start()
  await settle()
  expect(beside.running).toHaveLength(2)
  beside.running[0]?.(outOfMemory)
  await settle()
  expect(alone.running).toHaveLength(0)
  const late = start()
  beside.running[1]?.(built)
  expect(await other).toBe(built)
  await settle()
  expect([alone.running.length, beside.running.length]).toEqual([1, 2])
  alone.running[0]?.(built)
  expect(await large).toEqual({ ...built, durationMs: 15, limits: LIMITS })
  await settle()
  beside.running[2]?.(crashed)
  expect(await late).toBe(crashed)
})

test('what fails alone too says under which limits, so that the mesh looks for more than those', async () => {
  const { beside, alone, start } = stage()
  const large = start()
  await settle()
  beside.running[0]?.(outOfMemory)
  await settle()
  alone.running[0]?.(outOfMemory)
  expect(await large).toMatchObject({ failure: { cause: 'out-of-memory' }, limits: LIMITS })
})

test('other failures are final at once', async () => {
  const { beside, alone, start } = stage()
  const building = start()
  await settle()
  beside.running[0]?.(crashed)
  expect(await building).toBe(crashed)
  expect(alone.running).toHaveLength(0)
})

test('one that is aborted while it waits holds nobody up', async () => {
  const { beside, alone, start } = stage()
  const stop = new AbortController()
  const large = start(stop.signal)
  void start()
  await settle()
  beside.running[0]?.(outOfMemory)
  await settle()
  void start()
  await settle()
  expect(beside.running).toHaveLength(2)
  stop.abort(new Error('claim lost'))
  await expect(large).rejects.toThrow('claim lost')
  expect(beside.running).toHaveLength(3)
  expect(alone.running).toHaveLength(0)
})
