import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createRequirementCaches, type RequirementCaches } from '../../src/build/requirement-caches.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { fixtureWheel, startWheelIndex, type WheelIndex } from '../fixtures/wheel-index.ts'
import { buildFixture, createBuildKit, leftovers, logText, type BuildKit } from '../support/build-kit.ts'

// Real builds at idle priority: slow where others work, never a matter of this code.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const EXTRA = fixtureWheel('fixture-extra')
const PIN = `fixture-extra==1.0 sha256:${sha256Hex(EXTRA.bytes)}`
const GONE = `fixture-extra==0.9 sha256:${sha256Hex('gone')}`

let kit: BuildKit
let index: WheelIndex
/** Digest of the wheel with nothing cached. */
let cold: string | undefined

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

interface Run {
  readonly online?: boolean
  readonly pins?: readonly string[]
  readonly caches?: RequirementCaches
}

/** Builds what needs one wheel beyond what its pyproject.toml says; offline there is no index to ask. */
async function build({ online = true, pins, caches = createRequirementCaches(kit.host) }: Run = {}) {
  const sdist = await fixtureSdist('wants-more', { name: 'fixture-cached' })
  const report = await buildFixture(kit, 'fixture-cached', sdist, {
    indexUrl: () => (online ? index.url : 'http://127.0.0.1:9/simple/'),
    ...(pins !== undefined && { pins }),
    caches
  })
  return { report, log: logText(kit, report) }
}

const requirements = (folder: string): string => join(kit.host.place.requirements, folder)

test('what was fetched once is there for the next build: nothing is asked, and the wheel is the same', async () => {
  const first = await build()
  cold = first.report.wheel?.sha256
  expect(first.log).toContain('pip download')
  expect(cold, first.log).toBeDefined()
  // A process later, and without any index: the pins of the job say all.
  const warm = await build({ online: false, pins: first.report.environment.requirements })
  expect(warm.log).not.toContain('pip download')
  expect(warm.report.wheel?.sha256).toBe(cold)
  expect(warm.report.environment.digest).toBe(first.report.environment.digest)
})

test('what pip chose lately is chosen again without asking it', async () => {
  const again = await build()
  expect(again.log).not.toContain('pip download')
  expect(again.report.environment.requirements).toEqual([PIN])
  expect(again.report.wheel?.sha256).toBe(cold)
})

test('an environment with one wrong byte is made anew', async () => {
  const [name = ''] = (await readdir(requirements('environments'))).filter((entry) => entry.length === 64)
  for (const folder of await readdir(requirements('environments'))) {
    const tree = join(requirements('environments'), folder, 'tree')
    const site = join(tree, 'lib', (await readdir(join(tree, 'lib')))[0] ?? '', 'site-packages')
    if ((await readdir(site)).includes('fixture_extra.py')) {
      const before = (await stat(join(site, 'fixture_extra.py'))).size
      await writeFile(join(site, 'fixture_extra.py'), '\0'.repeat(before))
    }
  }
  expect(name).not.toBe('')
  const { report, log } = await build({ online: false, pins: [PIN] })
  expect(report.wheel?.sha256, log).toBe(cold)
  expect(log).not.toContain('pip download')
})

test('a torn wheel is noticed, thrown away and fetched again', async () => {
  const path = join(requirements('wheels'), sha256Hex(EXTRA.bytes), EXTRA.filename)
  await writeFile(path, (await readFile(path)).subarray(0, 100))
  await rm(requirements('environments'), { recursive: true })
  const { report, log } = await build({ pins: [PIN] })
  expect(report.wheel?.sha256, log).toBe(cold)
  expect(log).toContain('pip download')
  expect(sha256Hex(await readFile(path))).toBe(sha256Hex(EXTRA.bytes))
})

test('a pin that nobody has any more is no end: it is resolved anew, and the log says so', async () => {
  await rm(requirements('resolutions'), { recursive: true })
  const { report, log } = await build({ pins: [GONE] })
  expect(report.environment.requirements).toEqual([PIN])
  expect(log).toMatch(/the pins of the job cannot be used, resolving anew: /)
})

test('pins that lack what the build asks for do not stop it', async () => {
  const other = fixtureWheel('fixture-other')
  const wrong = await startWheelIndex(['fixture-other', 'fixture-extra'])
  try {
    const sdist = await fixtureSdist('wants-more', { name: 'fixture-wrong-pins' })
    const report = await buildFixture(kit, 'fixture-wrong-pins', sdist, {
      indexUrl: () => wrong.url,
      pins: [`fixture-other==1.0 sha256:${sha256Hex(other.bytes)}`]
    })
    expect(report.environment.requirements, logText(kit, report)).toEqual([PIN])
  } finally {
    await wrong.close()
  }
})

test('a build cannot change what the next one is given', async () => {
  const sdist = await fixtureSdist('environment-spoiler', { name: 'fixture-spoiler' })
  const report = await buildFixture(kit, 'fixture-spoiler', sdist, { indexUrl: () => index.url })
  expect(report.wheel, logText(kit, report)).toBeDefined()
  expect(logText(kit, report)).toContain('spoiled: nothing')
  expect((await build({ online: false, pins: [PIN] })).report.wheel?.sha256).toBe(cold)
})
