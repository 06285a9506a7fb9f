import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { StatusView } from '../../src/http/api-types.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { buildsOf } from '../support/mesh-views.ts'
import { hermeticEnv } from '../support/node-yard.ts'
import { postWant } from '../support/post-want.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, useE2e } from './e2e-kit.ts'

/* Copies between real processes, which build with a clock in place of a compiler. */

const FAKE_NODE = fileURLToPath(new URL('../support/fake-node.child.ts', import.meta.url))
const JOBS = 6
const COPIES = 3

const kit = useE2e()

function nodeOf(name: string, settings: Readonly<Record<string, unknown>> = {}): NodeProcess {
  return kit.yard.node(name, {
    program: ['--import', 'tsx', FAKE_NODE],
    env: { ...hermeticEnv(kit.yard.folder), FAKE_BUILD_MS: '300-600', FAKE_WHEEL_KIB: '20-40' },
    settings
  })
}

/** Digests of the blobs that lie in a data folder. */
async function blobsOf({ dataDir }: NodeProcess): Promise<ReadonlySet<string>> {
  const names = await readdir(join(dataDir, 'blobs'), { recursive: true }).catch(() => [])
  return new Set(names.flatMap((path) => /^[0-9a-f]{2}\/[0-9a-f]{2}\/([0-9a-f]{64})$/.exec(path)?.[1] ?? []))
}

/** What the mesh is to keep: wheels and logs of its results, and METADATA besides. */
async function keptBy(node: NodeProcess): Promise<readonly string[]> {
  return (await buildsOf(node)).flatMap(({ wheel, log }) => [log, ...(wheel ? [wheel.sha256] : [])])
}

/** Copies of that which has fewest of them. */
async function fewestCopies(nodes: readonly NodeProcess[], kept: readonly string[]): Promise<number> {
  const held = await Promise.all(nodes.map(blobsOf))
  return Math.min(...kept.map((digest) => held.filter((blobs) => blobs.has(digest)).length))
}

describe('three nodes and a mirror', () => {
  let nodes: readonly NodeProcess[]
  let mirror: NodeProcess
  let kept: readonly string[]

  test('what was built is on three of the four, and all of it on the mirror', async () => {
    nodes = ['ada', 'bob', 'cleo'].map((name) => nodeOf(name))
    mirror = nodeOf('mira', { roles: ['mirror'] })
    const [first, ...others] = nodes as [NodeProcess, ...NodeProcess[]]
    const { ticket } = await first.start()
    await Promise.all([...others, mirror].map((node) => node.start(ticket)))
    await connected([...nodes, mirror])
    for (let n = 0; n < JOBS; n++) {
      kit.upstream.publish(`copied${n}`, await fixtureSdist('pure', { name: `copied${n}` }))
      await postWant(first, `copied${n}`)
    }
    await expect.poll(async () => (await buildsOf(first)).length, PATIENT).toBe(JOBS)
    kept = await keptBy(first)
    // Some jobs of the fake builder fail: they have a log only.
    expect(kept.length).toBeGreaterThan(JOBS)
    await expect.poll(() => fewestCopies([...nodes, mirror], kept), PATIENT).toBeGreaterThanOrEqual(COPIES)
    await expect.poll(() => fewestCopies([mirror], kept), PATIENT).toBe(1)
  })

  test('a node that lost all its blobs has its share again after a restart', async () => {
    const wiped = nodes[1]!
    await wiped.kill()
    await rm(join(wiped.dataDir, 'blobs'), { recursive: true })
    await wiped.start()
    await connected([...nodes, mirror])
    await expect.poll(() => fewestCopies([...nodes, mirror], kept), PATIENT).toBeGreaterThanOrEqual(COPIES)
    const { copies } = await wiped.api<StatusView>('/api/v1/status')
    expect(copies).toMatchObject({ room: true, unavailable: 0, lost: 0 })
    expect((await blobsOf(wiped)).size).toBeGreaterThan(0)
  })

  test('one whose disk is too small says so, builds nothing, and goes on serving', async () => {
    const small = nodes[2]!
    await small.kill()
    await writeFile(join(small.dataDir, 'config.json'), '{}')
    const tight = kit.yard.node('cleo', {
      program: ['--import', 'tsx', FAKE_NODE],
      env: {
        ...hermeticEnv(kit.yard.folder),
        FAKE_BUILD_MS: '300-600',
        COMMONWHEEL_MIN_FREE: String(2 ** 50)
      }
    })
    await tight.start()
    await connected([nodes[0]!, nodes[1]!, tight, mirror])
    const { copies, node } = await tight.api<StatusView>('/api/v1/status')
    expect(copies.room).toBe(false)
    expect(node.mode).toBe('paused')
    expect(node.pauses).toContainEqual(
      expect.objectContaining({ cause: 'disk', reason: expect.stringContaining('minFree') as string })
    )
    expect((await fetch(tight.url('/simple/copied0/'))).status).toBe(200)
    const { stdout } = await tight.command('status')
    expect(stdout).toContain('takes no copies')
  })
})
