import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { fixtureSdist } from '../fixtures/sdists.ts'
import {
  buildFixture,
  createBuildKit,
  leftovers,
  logText,
  wheelMembers,
  type BuildKit
} from '../support/build-kit.ts'

// Real builds at idle priority: slow where others work, never a matter of this code.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let kit: BuildKit

beforeAll(async () => {
  kit = await createBuildKit()
})

afterAll(async () => {
  await kit.close()
})

afterEach(async () => {
  expect(await leftovers(kit)).toEqual([])
})

test('a pure package becomes a wheel, its metadata and its log', async () => {
  const phases: string[] = []
  const sdist = await fixtureSdist('pure', { name: 'fixture-pure' })
  const report = await buildFixture(kit, 'fixture-pure', sdist, { onPhase: (phase) => phases.push(phase) })
  const members = await wheelMembers(kit, report)
  expect(members.get('fixture_pure/__init__.py')?.toString()).toBe('answer = 42\n')
  expect(report.wheel?.filename).toBe('fixture_pure-1.0-py3-none-any.whl')
  expect(kit.blobs.bytes.get(report.wheel!.metadata)?.toString()).toContain('Name: fixture-pure')
  expect(phases).toEqual(['fetch', 'requirements', 'build', 'inspect', 'store'])
  expect(report.environment).toMatchObject({ sandboxLevel: 2, requirements: [] })
  expect(logText(kit, report)).toContain(`wheel: ${report.wheel!.filename} sha256:${report.wheel!.sha256}`)
})

test('a C extension becomes a wheel for this target, the same bytes each time', async () => {
  const sdist = await fixtureSdist('compiled', { name: 'fixture-compiled' })
  const first = await buildFixture(kit, 'fixture-compiled', sdist)
  const second = await buildFixture(kit, 'fixture-compiled', sdist)
  const members = await wheelMembers(kit, first)
  const { python, platform } = kit.interpreter.target
  expect(first.wheel?.filename).toBe(`fixture_compiled-1.0-${python}-${python}-${platform}.whl`)
  expect([...members.keys()].some((name) => name.endsWith('.so'))).toBe(true)
  expect(second.wheel?.sha256).toBe(first.wheel?.sha256)
  expect(second.environment.digest).toBe(first.environment.digest)
})
