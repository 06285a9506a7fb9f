import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, mustEqual, type ClientCheck } from './client-check.ts'
import { mustBeSound } from './installed.ts'
import { LARGE, LARGE_BYTES, LIB, lineOf, PI_PROJECT, PI_WHEEL, TOOL } from './projects.ts'
import { mustFail, mustWork, runTool } from './run-tool.ts'
import * as seen from './seen-requests.ts'
import type { UvClient } from './uv-client.ts'

/** Makes any Python take itself for one of a Pi Zero: what cross builds use. */
const AS_PI_ZERO = { _PYTHON_HOST_PLATFORM: 'linux-armv6l' }
const SITE = 'import sysconfig; print(sysconfig.get_paths()["purelib"])'

export const UV_CHECKS: readonly ClientCheck<UvClient>[] = [
  {
    what: 'install of a project with source archives only takes our wheels, by JSON',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      mustWork(await client.pip('install', ['install', '--target', client.at('installed'), 'Mesh_Tool']))
      seen.mustComeFromMesh(client, [TOOL, LIB])
      return seen.mustNegotiate(client.front, 'mesh-tool', 'JSON')
    }
  },
  {
    what: 'compiled code of ours is installed without a compiler',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const words = ['install', '--target', client.at('native'), 'mesh-native']
      mustWork(await client.pip('native', words, { CC: '/bin/false' }))
      const [wheel, ...others] = seen.bodiesOf(client.front)
      mustEqual('other wheels', others, [])
      return String(wheel)
    }
  },
  {
    what: 'install with --require-hashes; a wrong digest is refused',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const lines = [TOOL, LIB].map((wheel) => lineOf(wheel, client.mesh.wheels.get(wheel) ?? ''))
      await writeFile(client.at('hashes.txt'), lines.join('\n'))
      await writeFile(client.at('wrong.txt'), lineOf(LIB, '0'.repeat(64)))
      const words = (file: string): readonly string[] => ['--require-hashes', '-r', client.at(file)]
      mustWork(
        await client.pip('hashes', ['install', '--target', client.at('hashed'), ...words('hashes.txt')])
      )
      const wrong = await client.pip('wrong', [
        'install',
        '--target',
        client.at('wrong'),
        ...words('wrong.txt')
      ])
      mustFail(wrong, /hash/i)
      return 'two wheels'
    }
  },
  {
    what: 'Requires-Python is respected, of our wheels and of source archives',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      mustEqual('newest', await client.compile('needs', ['mesh-needs']), 'mesh-needs==1.5')
      const older = await client.compile('needs', ['mesh-needs'], ['--python-version', '3.7'])
      mustEqual('for Python 3.7', older, 'mesh-needs==1.0')
      return '1.5, and 1.0 for Python 3.7'
    }
  },
  {
    what: 'what upstream yanked is passed over, our wheel of it too, and can be pinned',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const free = await client.compile('yanked', ['mesh-tool', 'up-wheel'], ['--no-deps'])
      mustEqual('versions', free, 'mesh-tool==1.1\nup-wheel==1.0')
      const pinned = [
        'install',
        '--no-deps',
        '--target',
        client.at('pinned'),
        'mesh-tool==1.2',
        'up-wheel==1.1'
      ]
      mustWork(await client.pip('yanked', pinned))
      return 'ours 1.1, upstream’s 1.0; pinned 1.2 and 1.1'
    }
  },
  {
    what: 'resolves by .metadata alone: no wheel is fetched',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const versions = await client.compile('metadata', ['mesh-tool==1.1', 'mesh-any'])
      mustEqual('versions', versions, 'mesh-any==1.0\nmesh-lib==1.5\nmesh-tool==1.1')
      mustEqual('wheels fetched', seen.bodiesOf(client.front), [])
      return `${seen.metadataOf(client.front).length} .metadata`
    }
  },
  {
    what: 'asks again with If-None-Match and gets 304',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      await client.compile('conditional', ['mesh-lib'])
      client.front.seen.length = 0
      await client.compile('conditional', ['mesh-lib'])
      return seen.mustBeConditional(client.front, 'mesh-lib')
    }
  },
  {
    what: 'a download that broke off is got in the end',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      client.front.cutNext(LARGE, LARGE_BYTES / 2)
      mustWork(await client.pip('cut', ['install', '--target', client.at('large'), 'mesh-large']))
      const tries = client.front.files(LARGE).filter(({ method }) => method === 'GET')
      must('it was not cut', tries.length > 1)
      return tries
        .map(({ status, headers: { range } }) => `${status}${range === undefined ? '' : ` ${range}`}`)
        .join(', ')
    }
  },
  {
    what: 'install as on a Pi Zero: RECORD holds, uv pip check is clean, a second install changes nothing',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const venv = client.at('pi')
      mustWork(await client.uv(['venv', venv]))
      const onPi = { ...AS_PI_ZERO, UV_PYTHON: join(venv, 'bin', 'python') }
      mustWork(await client.pip('pi', ['install', PI_PROJECT], onPi))
      mustEqual('wheels', seen.bodiesOf(client.front), [PI_WHEEL])
      const site = await runTool(onPi.UV_PYTHON, ['-c', SITE], { home: client.folder })
      const files = await mustBeSound(site.stdout.trim(), 'pi_blink', 'py3-none-linux_armv6l')
      mustWork(await client.pip('pi', ['check'], onPi))
      const again = await client.pip('pi', ['install', PI_PROJECT], onPi)
      mustWork(again)
      must(again.said, /(Audited|Checked) 1 package/.test(again.said))
      return `${files} files`
    }
  },
  {
    what: 'a project that does not exist is said so at once',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const run = await client.pip('none', ['install', '--target', client.at('none'), 'no-such-project'])
      mustFail(run, /not found in the package registry/)
      return seen.mustBeUnknown(client.front, 'no-such-project')
    }
  },
  {
    what: 'makes locks on alpha: uv pip compile --generate-hashes, and uv lock',
    phase: 'all there',
    async run(client: UvClient): Promise<string> {
      const text = await client.compile('lock', ['mesh-tool==1.1'], ['--generate-hashes'])
      must(text, text.includes(client.mesh.wheels.get(LIB) ?? '?'))
      await writeFile(client.at('lock.txt'), text)
      const folder = await client.project('project', ['mesh-tool==1.1', 'up-wheel'])
      mustWork(await client.uv(['lock'], {}, folder))
      return 'requirements with digests, uv.lock'
    }
  },
  {
    what: 'installs the lock with digests from beta, at its own address, with alpha stopped',
    phase: 'alpha stopped',
    async run(client: UvClient): Promise<string> {
      const words = ['--target', client.at('from-lock'), '--require-hashes', '-r', client.at('lock.txt')]
      const beta = { UV_DEFAULT_INDEX: client.mesh.beta.url('/simple/') }
      mustWork(await client.pip('from-lock', ['install', ...words], beta))
      return 'two wheels'
    }
  },
  {
    what: 'uv sync --frozen of the uv.lock made on alpha, from beta at the same address, with alpha stopped',
    phase: 'alpha stopped',
    async run(client: UvClient): Promise<string> {
      const cache = { UV_CACHE_DIR: client.at('cache-sync') }
      mustWork(await client.uv(['sync', '--frozen', '--no-install-project'], cache, client.at('project')))
      seen.mustComeFromMesh(client, [TOOL, LIB])
      return 'two of ours, one of upstream’s'
    }
  },
  {
    what: 'with upstream gone as well it still installs',
    phase: 'upstream gone',
    async run(client: UvClient): Promise<string> {
      const words = ['install', '--target', client.at('alone'), 'mesh-tool==1.1', 'mesh-large']
      mustWork(await client.pip('alone', words))
      seen.mustComeFromMesh(client, [TOOL, LIB, LARGE])
      return 'three wheels'
    }
  }
]
