import { readFile, writeFile } from 'node:fs/promises'
import { must, mustEqual, type ClientCheck } from './client-check.ts'
import { mustBeSound } from './installed.ts'
import type { PoetryClient } from './poetry-client.ts'
import { LARGE, LARGE_BYTES, LIB, PI_PROJECT, PI_WHEEL, TOOL } from './projects.ts'
import { mustFail, mustWork, runTool } from './run-tool.ts'
import * as seen from './seen-requests.ts'

/** Makes any Python take itself for one of a Pi Zero: what cross builds use. */
const AS_PI_ZERO = { _PYTHON_HOST_PLATFORM: 'linux-armv6l' }
const SITE = 'import sysconfig; print(sysconfig.get_paths()["purelib"])'

export const POETRY_CHECKS: readonly ClientCheck<PoetryClient>[] = [
  {
    what: 'lock and install of a project with source archives only take our wheels, by JSON',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      mustEqual('locked', await client.lock('install', ['mesh-tool']), 'mesh-lib==1.5 mesh-tool==1.1')
      await client.install('install')
      seen.mustComeFromMesh(client, [TOOL, LIB])
      return seen.mustNegotiate(client.front, 'mesh-tool', 'JSON')
    }
  },
  {
    what: 'the lock has our digests; a wrong one is refused',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      await client.lock('hashes', ['mesh-lib==1.5'])
      const path = client.at('hashes', 'poetry.lock')
      const text = await readFile(path, 'utf8')
      const digest = client.mesh.wheels.get(LIB) ?? '?'
      must('the lock lacks our digest', text.includes(digest))
      await writeFile(path, text.replaceAll(/sha256:[0-9a-f]{64}/g, `sha256:${'0'.repeat(64)}`))
      mustFail(await client.poetry('hashes', ['install']), /did not match any known checksums/)
      return 'sha256 of the wheel'
    }
  },
  {
    what: 'Requires-Python is respected, of our wheels and of source archives',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      mustEqual('locked', await client.lock('needs', ['mesh-needs']), 'mesh-needs==1.5')
      return 'takes 1.5'
    }
  },
  {
    what: 'what upstream yanked is passed over, our wheel of it too, and can be pinned',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      const free = await client.lock('free', ['mesh-tool', 'up-wheel'])
      mustEqual('locked', free, 'mesh-lib==1.5 mesh-tool==1.1 up-wheel==1.0')
      const pinned = await client.lock('pinned', ['mesh-tool==1.2', 'up-wheel==1.1'])
      mustEqual('pinned', pinned, 'mesh-lib==1.5 mesh-tool==1.2 up-wheel==1.1')
      return 'ours 1.1, upstream’s 1.0; pinned 1.2 and 1.1'
    }
  },
  {
    what: 'locks by .metadata alone: no wheel is fetched',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      const locked = await client.lock('metadata', ['mesh-tool==1.1', 'mesh-any'])
      mustEqual('locked', locked, 'mesh-any==1.0 mesh-lib==1.5 mesh-tool==1.1')
      mustEqual('wheels fetched', seen.bodiesOf(client.front), [])
      return `${seen.metadataOf(client.front).length} .metadata`
    }
  },
  {
    what: 'asks again with If-None-Match and gets 304',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      await client.lock('conditional', ['mesh-lib'])
      client.front.seen.length = 0
      mustWork(await client.poetry('conditional', ['lock', '--regenerate']))
      return seen.mustBeConditional(client.front, 'mesh-lib')
    }
  },
  {
    what: 'a download that broke off goes on where it ended',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      await client.lock('large', ['mesh-large'])
      client.front.cutNext(LARGE, LARGE_BYTES / 2)
      await client.install('large', { POETRY_REQUESTS_MAX_RETRIES: '3' })
      return seen.mustResume(client.front, LARGE)
    }
  },
  {
    what: 'install as on a Pi Zero: RECORD holds',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      await client.lock('pi', [PI_PROJECT])
      await client.install('pi', AS_PI_ZERO)
      mustEqual('wheels', seen.bodiesOf(client.front), [PI_WHEEL])
      const python = client.at('pi', '.venv', 'bin', 'python')
      const site = await runTool(python, ['-c', SITE], { home: client.at('pi') })
      return `${await mustBeSound(site.stdout.trim(), 'pi_blink', 'py3-none-linux_armv6l')} files`
    }
  },
  {
    what: 'a project that does not exist is said so at once',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      await client.project('none', ['no-such-project'])
      mustFail(await client.poetry('none', ['lock']), /no-such-project/)
      return seen.mustBeUnknown(client.front, 'no-such-project')
    }
  },
  {
    what: 'makes poetry.lock on alpha',
    phase: 'all there',
    async run(client: PoetryClient): Promise<string> {
      const locked = await client.lock('lock', ['mesh-tool==1.1', 'up-wheel'])
      mustEqual('locked', locked, 'mesh-lib==1.5 mesh-tool==1.1 up-wheel==1.0')
      return locked
    }
  },
  {
    what: 'installs the poetry.lock made on alpha, from beta at the same address, with alpha stopped',
    phase: 'alpha stopped',
    async run(client: PoetryClient): Promise<string> {
      await client.forgetCache('lock')
      await client.install('lock')
      seen.mustComeFromMesh(client, [TOOL, LIB])
      return 'two of ours, one of upstream’s'
    }
  },
  {
    what: 'with upstream gone as well it still locks and installs',
    phase: 'upstream gone',
    async run(client: PoetryClient): Promise<string> {
      await client.lock('alone', ['mesh-tool==1.1', 'mesh-large'])
      await client.install('alone')
      seen.mustComeFromMesh(client, [TOOL, LIB, LARGE])
      return 'three wheels'
    }
  }
]
