import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { fixtureWheel, startWheelIndex, type WheelIndex } from '../fixtures/wheel-index.ts'
import { buildFixture, createBuildKit, leftovers, logText, type BuildKit } from '../support/build-kit.ts'

// Real builds at idle priority: slow where others work, never a matter of this code.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let kit: BuildKit
let index: WheelIndex

beforeAll(async () => {
  kit = await createBuildKit()
  index = await startWheelIndex(['fixture-extra'])
})

afterAll(async () => {
  await index.close()
  await kit.close()
})

afterEach(async () => {
  expect(await leftovers(kit)).toEqual([])
})

test('what the backend asks for is fetched as a wheel, named in the result, and the build done again', async () => {
  const phases: string[] = []
  const report = await buildFixture(
    kit,
    'fixture-more',
    await fixtureSdist('wants-more', { name: 'fixture-more' }),
    {
      indexUrl: () => index.url,
      onPhase: (phase) => phases.push(phase)
    }
  )
  expect(report.wheel, logText(kit, report)).toBeDefined()
  expect(report.environment.requirements).toEqual([
    `fixture-extra==1.0 sha256:${sha256Hex(fixtureWheel('fixture-extra').bytes)}`
  ])
  expect(phases).toEqual(['fetch', 'requirements', 'build', 'requirements', 'build', 'inspect', 'store'])
})

test('a requirement without a wheel is a missing dependency, by its name', async () => {
  const other = await startWheelIndex([])
  try {
    const sdist = await fixtureSdist('wants-more', { name: 'fixture-lacking' })
    const report = await buildFixture(kit, 'fixture-lacking', sdist, { indexUrl: () => other.url })
    expect(report.failure).toMatchObject({ class: 'missing-dependency', cause: 'requirement-unavailable' })
    expect(report.failure?.reason).toContain('fixture-extra>=1')
  } finally {
    await other.close()
  }
})

test('an index that does not answer is a transient trouble', async () => {
  const sdist = await fixtureSdist('wants-more', { name: 'fixture-cut' })
  const report = await buildFixture(kit, 'fixture-cut', sdist, {
    indexUrl: () => 'http://127.0.0.1:9/simple/'
  })
  expect(report.failure).toMatchObject({ class: 'transient', cause: 'index-unavailable' })
})

test('an sdist of other bytes than the job names is refused before anything of it is opened', async () => {
  const sdist = await fixtureSdist('pure', { name: 'fixture-changed' })
  const report = await buildFixture(kit, 'fixture-changed', { ...sdist, sha256: sha256Hex('other') })
  expect(report.failure).toMatchObject({ class: 'package', cause: 'sdist-digest-mismatch' })
})

test('an sdist that cannot be fetched is a transient trouble, one that is too large is not', async () => {
  const sdist = await fixtureSdist('pure', { name: 'fixture-away' })
  const away = await buildFixture({ ...kit, upstreamFiles: new ForgetfulMap() }, 'fixture-away', sdist)
  expect(away.failure).toMatchObject({ class: 'transient', cause: 'sdist-unavailable' })
})

test('a disk without room is the node’s trouble, not the package’s', async () => {
  const sdist = await fixtureSdist('pure', { name: 'fixture-room' })
  const limits = { minFreeBytes: Number.MAX_SAFE_INTEGER }
  const report = await buildFixture(kit, 'fixture-room', sdist, { limits })
  expect(report.failure).toMatchObject({ class: 'infra', cause: 'disk-full' })
})

class ForgetfulMap extends Map<string, Uint8Array> {
  override set(): this {
    return this
  }
}
