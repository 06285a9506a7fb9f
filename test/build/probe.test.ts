import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { prepareBuildPlace } from '../../src/build/build-place.ts'
import { findBuildUser } from '../../src/build/build-user.ts'
import type { SandboxHost } from '../../src/build/capture.ts'
import { bindsOf, parseFacts, targetText } from '../../src/build/interpreter-facts.ts'
import { probeInterpreter } from '../../src/build/probe-interpreter.ts'
import { probeSandbox } from '../../src/build/sandbox-probe.ts'
import { realClock } from '../support/real-clock.ts'
import { findTestInterpreter } from '../support/test-interpreter.ts'

// Real builds at idle priority: slow where others work, never a matter of this code.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let dataDir: string
let host: SandboxHost

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cw-probe-'))
  const user = await findBuildUser('commonwheel-build')
  host = { place: await prepareBuildPlace(dataDir, user), user, clock: realClock }
})

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

test('this machine builds, and says with which bubblewrap', async () => {
  expect(await probeSandbox(host)).toMatchObject({ kind: 'ready', level: 2 })
  expect(await readdir(host.place.works)).toEqual([])
})

test('an interpreter says its target, its tags and its pip', async () => {
  const interpreter = await findTestInterpreter(host)
  const { python, platform } = interpreter.target
  expect(interpreter.target.id).toMatch(/^cp3\d+-linux_\w+-glibc2\.\d+$/)
  expect(interpreter.tags).toContain(`${python}-${python}-${platform}`)
  expect(interpreter.tags).toContain('py3-none-any')
  expect(interpreter.pipVersion).toMatch(/^\d+\.\d+/)
})

test('what is no interpreter is refused with a cure', async () => {
  for (const path of ['/bin/true', '/nonexistent/python3']) {
    const verdict = await probeInterpreter(path, host)
    expect(verdict).toMatchObject({ kind: 'refused', path })
    expect(verdict.kind === 'refused' && verdict.cure).toBeTruthy()
  }
})

test.runIf(process.getuid?.() === 0)(
  'an interpreter in a closed folder is refused as the build user meets it',
  async () => {
    const closed = join(dataDir, 'closed')
    await mkdir(join(closed, 'bin'), { recursive: true })
    const python = join(closed, 'bin/python3')
    // Says that it lives in the closed folder, as one of pyenv in root's home would.
    const facts = {
      executable: python,
      python: 'cp311',
      version: 'x',
      platform: 'linux_x86_64',
      libc: 'glibc2.36',
      prefixes: [closed],
      venv: true,
      supported: true
    }
    await writeFile(python, `#!/bin/sh\necho 'commonwheel-facts ${JSON.stringify(facts)}'\n`)
    await chmod(python, 0o755)
    await chmod(closed, 0o700)
    expect(await probeInterpreter(python, host)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('the build user cannot run') as string
    })
  }
)

test('leftovers of an earlier run are swept at start', async () => {
  const left = join(host.place.works, 'b-left/build/closed')
  await mkdir(left, { recursive: true })
  await chmod(left, 0)
  await prepareBuildPlace(dataDir, host.user)
  expect(await readdir(host.place.works)).toEqual([])
})

const FACTS = {
  executable: '/opt/py/bin/python3.13',
  python: 'cp313t',
  version: 'CPython 3.13.0',
  platform: 'linux_armv7l',
  libc: 'glibc2.41',
  prefixes: ['/opt/py', '/opt/py/lib/python3.13'],
  include: '/opt/py/include/python3.13t',
  headers: true,
  venv: true,
  supported: true
}

test('facts of an interpreter: its target, and what a sandbox must show for it', () => {
  const facts = parseFacts(`hello from sitecustomize\ncommonwheel-facts ${JSON.stringify(FACTS)}\n`)
  expect(facts).toEqual(FACTS)
  expect(targetText(FACTS)).toBe('cp313t-linux_armv7l-glibc2.41')
  expect(bindsOf(FACTS)).toEqual([{ host: '/opt/py', inside: '/opt/py' }])
  const system = { ...FACTS, executable: '/usr/bin/python3.11', prefixes: ['/usr', '/usr/lib/python3.11'] }
  expect(bindsOf(system)).toEqual([])
  const local = { ...FACTS, executable: '/usr/local/bin/python3', prefixes: ['/usr/local'] }
  expect(bindsOf(local)).toEqual([{ host: '/usr/local', inside: '/usr/local' }])
  expect(parseFacts('commonwheel-facts {not json')).toBeUndefined()
})
