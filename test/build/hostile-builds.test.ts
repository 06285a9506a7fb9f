import { createServer, type Server } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { fixtureSdist, type SdistKind } from '../fixtures/sdists.ts'
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

interface FailingCase {
  readonly kind: SdistKind
  readonly class: string
  readonly cause: string
  readonly reason?: RegExp
}

/** Of ordinary failures; `npm run test:hostile` has those that mean harm. */
const failing: readonly FailingCase[] = [
  {
    kind: 'failing',
    class: 'package',
    cause: 'build-failed',
    reason: /RuntimeError: this package never builds/
  },
  {
    kind: 'missing-header',
    class: 'missing-dependency',
    cause: 'missing-header',
    reason: /ffi-that-is-nowhere/
  },
  { kind: 'no-wheel', class: 'package', cause: 'build-failed' },
  { kind: 'python2-only', class: 'package', cause: 'python2-only' },
  { kind: 'networker', class: 'package', cause: 'wants-network' }
]

test.for(failing)('$kind ends as $class/$cause', async (expected) => {
  const name = `fixture-${expected.kind}`
  const sdist = await fixtureSdist(expected.kind, { name })
  const report = await buildFixture(kit, name, sdist)
  const { failure } = report
  expect(failure, logText(kit, report)).toMatchObject({ class: expected.class, cause: expected.cause })
  if (expected.reason !== undefined) expect(failure?.reason).toMatch(expected.reason)
  expect(report.wheel).toBeUndefined()
})

test('what a build leaves in its home is gone for the next one', async () => {
  const writer = await fixtureSdist('home-writer', { name: 'fixture-writer' })
  expect((await buildFixture(kit, 'fixture-writer', writer)).wheel).toBeDefined()
  const reader = await fixtureSdist('home-reader', { name: 'fixture-reader' })
  const report = await buildFixture(kit, 'fixture-reader', reader)
  const seen = (await wheelMembers(kit, report)).get('fixture_reader/seen.json')?.toString() ?? ''
  expect(seen).not.toContain('bashrc')
  expect(seen).not.toContain('evil')
})

test('an aborted build rejects with the reason and leaves nothing', async () => {
  const stop = new AbortController()
  const sdist = await fixtureSdist('hanging', { name: 'fixture-aborted' })
  const building = buildFixture(kit, 'fixture-aborted', sdist, {
    signal: stop.signal,
    onPhase: (phase) => {
      if (phase === 'build')
        setTimeout(() => {
          stop.abort(new Error('claim lost'))
        }, 500)
    }
  })
  await expect(building).rejects.toThrow('claim lost')
})

test('a log that was too long keeps its head and its tail', async () => {
  const logBounds = { maxBytes: 64 * 1024, headBytes: 2048, tailBytes: 2048 }
  const sdist = await fixtureSdist('flood', { name: 'fixture-long' })
  const text = logText(kit, await buildFixture(kit, 'fixture-long', sdist, { logBounds }))
  expect(text).toMatch(/^== job: fixture-long==1\.0/)
  expect(text).toMatch(/== \d+ bytes are left out here/)
  expect(text.length).toBeLessThan(5_000)
})

test('a thief gets nothing', async () => {
  const folder = await mkdtemp('/tmp/cw-secret-')
  const key = join(folder, 'node.key')
  await writeFile(key, 'THE SECRET KEY', { mode: 0o644 })
  const abstract = `cw-test-${process.pid}`
  const servers = await Promise.all([
    listening({ port: 0, host: '127.0.0.1' }),
    listening({ path: `\0${abstract}` })
  ])
  const port = (servers[0].address() as { port: number }).port
  try {
    const paths = [key, '/root/.ssh/id_rsa', '/etc/machine-id', '/proc/1/environ', `${kit.host.place.root}/x`]
    const sdist = await fixtureSdist('thief', {
      name: 'fixture-thief',
      paths,
      ports: [port],
      abstract: [abstract]
    })
    process.env['COMMONWHEEL_TEST_SECRET'] = 'THE SECRET VARIABLE'
    const report = await buildFixture(kit, 'fixture-thief', sdist)
    const text = (await wheelMembers(kit, report)).get('fixture_thief/report.json')?.toString() ?? '{}'
    const { loot, env, pids, uid, root } = JSON.parse(text) as ThiefReport
    expect(text).not.toContain('THE SECRET')
    const got = Object.entries(loot).filter(
      ([what, answer]) => answer.startsWith('GOT') && !what.startsWith('list ')
    )
    // Its own first process is all it may look at.
    expect(got.map(([what]) => what).filter((what) => what !== 'read /proc/1/environ')).toEqual([])
    expect(env).not.toContain('COMMONWHEEL_TEST_SECRET')
    expect(Math.max(...pids)).toBeLessThan(200)
    expect(uid).toBe(1000)
    expect(root).not.toContain('root')
  } finally {
    delete process.env['COMMONWHEEL_TEST_SECRET']
    for (const server of servers) server.close()
    await rm(folder, { recursive: true })
  }
})

interface ThiefReport {
  readonly loot: Readonly<Record<string, string>>
  readonly env: readonly string[]
  readonly pids: readonly number[]
  readonly uid: number
  readonly root: readonly string[]
}

async function listening(where: { port?: number; host?: string; path?: string }): Promise<Server> {
  const server = createServer((socket) => socket.end('THE SECRET ANSWER'))
  return new Promise((resolve) => {
    server.listen(where, () => {
      resolve(server)
    })
  })
}
