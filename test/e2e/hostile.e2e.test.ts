import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BuildView, JobView, WhyView } from '../../src/http/api-types.ts'
import { fixtureSdist, type SdistKind } from '../fixtures/sdists.ts'
import { freshVenv } from '../support/fresh-venv.ts'
import { buildsOf, jobsOf, wantIn } from '../support/mesh-views.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { hermeticEnv } from '../support/node-yard.ts'
import { SOON, somePythons, useE2e } from './e2e-kit.ts'

const MiB = 1024 * 1024
const kit = useE2e({
  settings: {
    build: { memoryBytes: 320 * MiB, diskBytes: 64 * MiB, processes: 16 }
  }
})
let pythons: readonly string[] = []
let node: NodeProcess

/** Those that end without a wheel: one of each way to end; `npm run test:hostile` has the others. */
const failing: readonly { readonly kind: SdistKind; readonly class: string; readonly cause: string }[] = [
  { kind: 'forker', class: 'resource', cause: 'process-limit' },
  { kind: 'networker', class: 'package', cause: 'wants-network' },
  { kind: 'no-wheel', class: 'package', cause: 'build-failed' },
  { kind: 'symlink-out', class: 'package', cause: 'hostile-output' }
]
/** Those that get a wheel, and nothing else. */
const fruitless: readonly SdistKind[] = ['thief', 'home-writer', 'daemon']
const nameOf = (kind: SdistKind): string => `fixture-${kind}`

let jobs: readonly JobView[] = []

beforeAll(async () => {
  pythons = await somePythons(join(kit.yard.folder, 'pythons'), 1)
  const env = { ...hermeticEnv(kit.yard.folder), COMMONWHEEL_TEST_SECRET: 'the secret' }
  node = kit.yard.node('target', { pythons, env })
  await node.start()
  const secrets = ['node.key', 'api.json', 'mesh.cbor'].map((name) => join(node.dataDir, name))
  const ports = [node.ready.indexUrl, kit.upstream.url].map((url) => Number(new URL(url).port))
  for (const kind of [...failing.map((one) => one.kind), ...fruitless]) {
    const sdist = await fixtureSdist(kind, {
      name: nameOf(kind),
      paths: [...secrets, '/root/.ssh/id_rsa'],
      ports
    })
    kit.upstream.publish(nameOf(kind), sdist)
  }
})

function jobFor(kind: SdistKind): JobView {
  return jobs.find(({ project }) => project === nameOf(kind))!
}

test('a crowd of hostile packages is wanted, and every job ends', async () => {
  const names = [...failing.map(({ kind }) => kind), ...fruitless].map(nameOf)
  const { code, stdout, stderr } = await node.command('want', ...names, '--wait', '--json')
  expect(code).toBe(1)
  expect(stderr).toContain(`${failing.length} of ${names.length} jobs failed`)
  jobs = wantIn(stdout).jobs
})

describe('each ends in its class, and everybody can read why', () => {
  test.for(failing)('$kind: $class, $cause', async ({ kind, class: failureClass, cause }) => {
    expect(jobFor(kind)).toMatchObject({ state: 'failed', failure: { class: failureClass, cause } })
    const why = await node.command('why', nameOf(kind), '--json')
    const { versions } = JSON.parse(why.stdout) as WhyView
    expect(versions[0]?.cells[0]).toMatchObject({ state: 'failed', reason: jobFor(kind).failure?.reason })
    const logs = await node.command('logs', nameOf(kind))
    expect(logs.code, logs.stderr).toBe(0)
    expect(logs.stdout).toContain(`== job: ${nameOf(kind)}==1.0`)
  })

  test.for(fruitless.map((kind) => ({ kind })))('$kind: a wheel', ({ kind }) => {
    expect(jobFor(kind)).toMatchObject({ state: 'built' })
  })
})

describe('nothing is leaked', () => {
  test('what the thief brought home is in no wheel', async () => {
    const venv = await freshVenv(pythons[0]!, join(kit.yard.folder, 'venv'))
    await venv.install(node.ready.indexUrl, 'fixture-thief')
    const path = 'sys.prefix + "/lib/*/site-packages/fixture_thief/report.json"'
    const report = await venv.eval(`import glob, sys; print(open(glob.glob(${path})[0]).read())`)
    const { loot, env } = JSON.parse(report) as { loot: Record<string, string>; env: readonly string[] }
    const got = Object.entries(loot).filter(([, answer]) => answer.startsWith('GOT'))
    expect(got).toEqual([])
    expect(Object.keys(loot).length).toBeGreaterThan(10)
    expect(env).not.toContain('COMMONWHEEL_TEST_SECRET')
  })

  test('no log and no wheel has a byte of the key', async () => {
    const key = await readFile(join(node.dataDir, 'node.key'))
    const { token } = JSON.parse(await readFile(join(node.dataDir, 'api.json'), 'utf8')) as { token: string }
    for (const digest of (await buildsOf(node)).flatMap(blobsOf)) {
      const raw = Buffer.from(await readFile(await blobPath(digest)))
      const bytes = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw
      expect(bytes.includes(key.toString('utf8').trim()), digest).toBe(false)
      expect(bytes.includes(token), digest).toBe(false)
    }
  })

  test('key and token are still their owner’s alone, and no home was written to', async () => {
    expect((await stat(join(node.dataDir, 'node.key'))).mode & 0o077).toBe(0)
    expect((await stat(join(node.dataDir, 'api.json'))).mode & 0o077).toBe(0)
    const homes = await readdir(kit.yard.folder)
    expect(homes).not.toContain('.bashrc')
    expect(homes).not.toContain('.config')
  })
})

describe('nothing is left or slowed', () => {
  test('no process and no folder of a build', async () => {
    await expect.poll(() => kit.yard.strays(), SOON).toEqual([])
    expect(await readdir(join(node.dataDir, 'build', 'work'))).toEqual([])
    expect(await node.api('/health')).toEqual({ ok: true, problems: [] })
  })

  test('a normal package is built as before', async () => {
    kit.upstream.publish('fixture-normal', await fixtureSdist('compiled', { name: 'fixture-normal' }))
    const { code, stderr } = await node.command('want', 'fixture-normal', '--wait')
    expect(code, stderr).toBe(0)
    const [build] = (await buildsOf(node)).filter(({ job }) => job.startsWith('fixture-normal'))
    expect(build?.durationMs).toBeLessThan(20_000)
    expect((await jobsOf(node)).filter(({ builds }) => builds > 1)).toEqual([])
  })
})

function blobsOf({ log, wheel }: BuildView): readonly string[] {
  return [log, ...(wheel === undefined ? [] : [wheel.sha256])]
}

async function blobPath(digest: string): Promise<string> {
  const folder = join(node.dataDir, 'blobs')
  const names = await readdir(folder, { recursive: true })
  return join(
    folder,
    names.find((name) => name.endsWith(digest))!
  )
}
