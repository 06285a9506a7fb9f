import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { ProjectName } from '../../src/core/ids.ts'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import type { PublishedWheel } from '../../src/core/published.ts'
import { createHttpServer } from '../../src/http/server.ts'
import type { IndexSource } from '../../src/http/simple-index.ts'
import { Front } from '../support/recording-front.ts'
import { type TinyWheel, tinyWheel } from '../support/tiny-wheel.ts'
import { aPublished, aWheelRef, testApp, upstreamFile } from './http-fixtures.ts'
import { MemoryFiles } from './memory-files.ts'

const run = promisify(execFile)

/** A mesh with the wheels of two projects, upstream of which there are only source archives that nobody can fetch. */
const WHEELS: readonly TinyWheel[] = [
  tinyWheel({ name: 'meshdemo', version: '1.0', greeting: 'old' }),
  tinyWheel({
    name: 'meshdemo',
    version: '1.1',
    greeting: 'new',
    requiresDist: ['meshdep>=1'],
    requiresPython: '>=3.6'
  }),
  tinyWheel({ name: 'meshdemo', version: '1.2', greeting: 'for nobody', requiresPython: '<3' }),
  tinyWheel({ name: 'meshdemo', version: '1.3', greeting: 'yanked' }),
  tinyWheel({ name: 'meshdep', version: '1.0' }),
  tinyWheel({ name: 'meshpi', version: '1.0', tag: 'py3-none-linux_armv6l' })
]
const YANKED_UPSTREAM = ['meshdemo-1.3.tar.gz']

const files = new MemoryFiles()
/** Hears every request of pip, whichever part of the server answers it. */
let front: Front
const made = testApp({ files, index: indexOver(WHEELS) })
const server = createHttpServer(made.app, { host: '127.0.0.1', port: 0 })
let folder = ''
let python = ''
/** PEP 658 is read by default from 23.2 on. */
let readsMetadata = false

function indexOver(wheels: readonly TinyWheel[]): IndexSource {
  const published = wheels.map((wheel) => publish(wheel))
  return {
    projectNames: async () => ['meshdemo', 'meshdep', 'meshpi'],
    project: async (name) => {
      const merged = mergeProject({
        page: pageOf(name, published),
        wheels: published.filter(({ project }) => project === name),
        fits: fileFitsTarget
      })
      return merged && { merged, revision: '1' }
    }
  }
}

function publish({ filename, bytes, metadata }: TinyWheel): PublishedWheel {
  const [project = '', version = ''] = filename.split('-')
  return aPublished(filename, {
    project: project as ProjectName,
    version,
    wheel: aWheelRef(filename, {
      sha256: files.add(filename, bytes, metadata),
      size: bytes.byteLength,
      metadata: sha256Hex(metadata),
      metadataSize: Buffer.byteLength(metadata),
      requiresPython: /^Requires-Python: (.*)$/m.exec(metadata)?.[1] ?? ''
    })
  })
}

function pageOf(name: ProjectName, wheels: readonly PublishedWheel[]) {
  const ours = wheels.filter(({ project }) => project === name)
  if (ours.length === 0) return undefined
  const sdists = ours.map(({ version, wheel }) =>
    upstreamFile(`${name}-${version}.tar.gz`, {
      'requires-python': wheel.requiresPython === '' ? null : wheel.requiresPython,
      yanked: YANKED_UPSTREAM.includes(`${name}-${version}.tar.gz`)
    })
  )
  const versions = ours.map(({ version }) => version)
  return parseProjectPage({ meta: { 'api-version': '1.4' }, name, versions, files: sdists }, name)
}

/** pip with nothing of this machine's configuration, and nothing of its earlier runs unless it is given a cache. */
async function pip(
  [command = '', ...rest]: readonly string[],
  more: Readonly<Record<string, string>> = {}
): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    ...more
  }
  const kept = rest.includes('--cache-dir') ? [] : ['--no-cache-dir']
  const index = command === 'check' ? [] : ['--index-url', front.indexUrl, '--retries', '0', ...kept]
  const words = ['-m', 'pip', command, ...index, ...rest]
  return (await run(python, words, { env, cwd: folder })).stdout
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'commonwheel-pip-'))
  await run('python3', ['-m', 'venv', join(folder, 'venv')])
  python = join(folder, 'venv', 'bin', 'python')
  const { stdout } = await run(python, ['-m', 'pip', '--version'])
  const [, major = '', minor = ''] = /^pip (\d+)\.(\d+)/.exec(stdout) ?? []
  readsMetadata = Number(major) * 100 + Number(minor) >= 2302
  await server.start()
  front = await Front.open(`http://127.0.0.1:${server.address().port}/`)
}, 120_000)

afterAll(async () => {
  await front.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(() => {
  front.forget()
})

test(
  'pip installs the newest wheel that is not yanked and fits, with what it requires',
  { timeout: 60_000 },
  async () => {
    await pip(['install', '--target', join(folder, 'target'), 'MeshDemo'])
    const installed = await readdir(join(folder, 'target'))
    expect(installed).toEqual(expect.arrayContaining(['meshdemo-1.1.dist-info', 'meshdep-1.0.dist-info']))
    const { stdout } = await run(python, ['-c', 'import meshdemo; print(meshdemo.hello())'], {
      env: { PYTHONPATH: join(folder, 'target') }
    })
    expect(stdout).toBe('new\n')
  }
)

test(
  'pip resolves from .metadata alone, and fetches only the wheels it takes',
  { timeout: 60_000 },
  async () => {
    await pip(['download', '--dest', join(folder, 'download'), 'meshdemo'])
    const paths = front.seen.map(({ path }) => path.replace(/^\/files\/[0-9a-f]{64}\//, ''))
    const metadata = (name: string): readonly string[] => (readsMetadata ? [`${name}.metadata`] : [])
    const [demo, dep] = ['meshdemo-1.1-py3-none-any.whl', 'meshdep-1.0-py3-none-any.whl']
    expect(paths.filter((path) => path.endsWith('.metadata'))).toEqual([...metadata(demo), ...metadata(dep)])
    expect(paths.filter((path) => path.endsWith('.whl'))).toEqual([demo, dep])
    expect(await readdir(join(folder, 'download'))).toHaveLength(2)
  }
)

test(
  'a lock file’s hash is enough, and a yanked version can still be pinned',
  { timeout: 60_000 },
  async () => {
    const pinned = WHEELS[3]!
    const path = join(folder, 'requirements.txt')
    await writeFile(path, `meshdemo==1.3 --hash=sha256:${sha256Hex(pinned.bytes)}\n`)
    await pip(['download', '--require-hashes', '--dest', join(folder, 'pinned'), '-r', path])
    expect(await readdir(join(folder, 'pinned'))).toEqual([pinned.filename])
  }
)

test('pip refuses a wheel whose bytes are others', { timeout: 60_000 }, async () => {
  const { bytes } = WHEELS[0]!
  const digest = sha256Hex(bytes)
  const wrong = Buffer.from(bytes)
  wrong.writeUInt8(wrong.readUInt8(80) ^ 1, 80)
  files.blobs.set(digest, wrong)
  try {
    await expect(pip(['download', '--dest', join(folder, 'bad'), 'meshdemo==1.0'])).rejects.toThrow(
      /DO NOT MATCH THE HASHES/
    )
  } finally {
    files.blobs.set(digest, bytes)
  }
})

test('a project that upstream does not know does not exist', { timeout: 60_000 }, async () => {
  await expect(pip(['download', '--dest', join(folder, 'none'), 'mesh-unknown'])).rejects.toThrow(
    /No matching distribution found for mesh-unknown/
  )
  // Anything but a 404 would be asked for again, with pauses.
  expect(front.pages('mesh-unknown').map(({ status }) => status)).toEqual([404])
})

test('pip asks again for a page it knows, and gets no body', { timeout: 60_000 }, async () => {
  // pip keeps pages of plain HTTP only of hosts that it was told to trust.
  const cache = ['--cache-dir', join(folder, 'cache'), '--trusted-host', '127.0.0.1']
  const words = (dest: string): readonly string[] => [
    'download',
    ...cache,
    '--dest',
    join(folder, dest),
    'meshdep'
  ]
  await pip(words('first'))
  front.forget()
  await pip(words('second'))
  const [page] = front.pages('meshdep')
  expect(page?.headers).toMatchObject({ accept: expect.stringContaining('v1+json') as string })
  expect(page?.headers['if-none-match']).toMatch(/^"[0-9a-f]{32}/)
  expect([page?.status, page?.bytes]).toEqual([304, 0])
  // Files never change, and so are not asked for again.
  expect(front.files('.whl')).toEqual([])
  expect(await readdir(join(folder, 'second'))).toHaveLength(1)
})

test('what is downloaded for a Pi Zero is whole there for pip check', { timeout: 60_000 }, async () => {
  const wheels = join(folder, 'for-pi')
  await pip(['download', '--platform', 'linux_armv6l', '--only-binary=:all:', '--dest', wheels, 'meshpi'])
  expect(await readdir(wheels)).toEqual(['meshpi-1.0-py3-none-linux_armv6l.whl'])
  // As cross builds tell a Python that it runs elsewhere.
  const there = { _PYTHON_HOST_PLATFORM: 'linux-armv6l' }
  await pip(['install', '--no-index', '--find-links', wheels, 'meshpi'], there)
  expect(await pip(['check'], there)).toContain('No broken requirements found')
})
