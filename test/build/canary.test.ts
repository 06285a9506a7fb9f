import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAptPackages } from '../../src/build/apt-packages.ts'
import { createBuildRunner } from '../../src/build/build-runner.ts'
import { createCanary, type Canary } from '../../src/build/canary.ts'
import { createWheelInspector } from '../../src/build/inspect-wheel.ts'
import { createBuildKit, type BuildKit } from '../support/build-kit.ts'
import { silentLog } from '../support/test-ports.ts'

let kit: BuildKit
beforeAll(async () => {
  kit = await createBuildKit()
}, 120_000)
afterAll(async () => kit.close())

const MiB = 1024 * 1024
let installed: readonly string[] = ['zlib1g-dev']

function aCanary(limits: { readonly memoryBytes?: number } = {}): Canary {
  const { host, interpreter } = kit
  return createCanary({
    interpreters: [interpreter],
    packages: () => Promise.resolve(installed),
    builder: ({ blobs, upstream }) =>
      createBuildRunner(
        { host, blobs, upstream, log: silentLog, inspectWheel: createWheelInspector(createAptPackages()) },
        {
          interpreters: [interpreter],
          indexUrl: () => {
            throw new TypeError('the canary needs no index')
          },
          sandboxLevel: 2,
          machine: {},
          limits
        }
      )
  })
}

test('a sound machine builds the canary with its compiler, offline, through the real inspection', async () => {
  const target = kit.interpreter.target.id
  const run = await aCanary().run(target, new AbortController().signal)
  expect(run).toMatchObject({ target, trouble: '', logLines: [] })
  const [python = '', platform = ''] = target.split('-')
  expect(run.wheel).toBe(`commonwheel_canary-1.0-${python}-${python}-${platform}.whl`)
})

test('one that cannot says why, with the end of the log', async () => {
  const run = await aCanary({ memoryBytes: 4 * MiB }).run(
    kit.interpreter.target.id,
    new AbortController().signal
  )
  expect(run.wheel).toBeUndefined()
  expect(run.trouble).not.toBe('')
  expect(run.logLines.join('\n')).toContain('failure: ')
})

test('its environment is the same until something of it changes', async () => {
  const canary = aCanary()
  const before = await canary.environment()
  expect(await canary.environment()).toBe(before)
  installed = [...installed, 'libffi-dev']
  expect(await canary.environment()).not.toBe(before)
})
