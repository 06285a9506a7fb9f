import { mkdir, writeFile } from 'node:fs/promises'
import { must, mustEqual, type ClientCheck } from './client-check.ts'
import { mustBeSound } from './installed.ts'
import type { PipClient } from './pip-client.ts'
import { LARGE, LARGE_BYTES, LIB, lineOf, PI_PROJECT, PI_WHEEL, TOOL } from './projects.ts'
import { mustFail, mustWork } from './run-tool.ts'
import {
  bodiesOf,
  metadataOf,
  mustBeConditional,
  mustBeUnknown,
  mustComeFromMesh,
  mustNegotiate,
  mustResume
} from './seen-requests.ts'

type PipCheck = ClientCheck<PipClient>

const SITE = 'import sysconfig; print(sysconfig.get_paths()["purelib"])'
/** Makes any Python take itself for one of a Pi Zero: what cross builds use. */
const AS_PI_ZERO = { _PYTHON_HOST_PLATFORM: 'linux-armv6l' }

const install: PipCheck = {
  what: 'install of a project with source archives only takes our wheels, and JSON or HTML as it likes',
  phase: 'all there',
  async run(client) {
    const specs = client.isSince(19, 2) ? ['Mesh_Tool'] : ['mesh-tool!=1.2']
    mustWork(await client.ask('install', ['--target', client.at('installed'), ...specs]))
    mustComeFromMesh(client, [TOOL, LIB])
    const code = 'import mesh_tool, mesh_lib; print("%s %s" % (mesh_tool.version, mesh_lib.version))'
    const printed = await client.eval(code, 'installed')
    mustEqual('what can be imported', printed, '1.1 1.5')
    return mustNegotiate(client.front, 'mesh-tool', client.isSince(22, 2) ? 'JSON' : 'HTML')
  }
}

const native: PipCheck = {
  what: 'compiled code of ours is installed without a compiler',
  phase: 'all there',
  without: ({ python, mesh }) =>
    python.join('.') === mesh.builderPython ? undefined : `the mesh built for Python ${mesh.builderPython}`,
  async run(client) {
    const env = { CC: '/bin/false' }
    mustWork(await client.ask('install', ['--target', client.at('native'), 'mesh-native'], env))
    mustEqual(
      'the answer',
      await client.eval('import mesh_native; print(mesh_native.answer())', 'native'),
      '42'
    )
    mustEqual('wheels', bodiesOf(client.front).length, 1)
    return bodiesOf(client.front)[0]!
  }
}

const hashes: PipCheck = {
  what: 'download with --require-hashes; a wrong digest is refused',
  phase: 'all there',
  async run(client) {
    const lines = [TOOL, LIB].map((wheel) => lineOf(wheel, client.mesh.wheels.get(wheel) ?? ''))
    await writeFile(client.at('hashes.txt'), lines.join('\n'))
    const words = ['--require-hashes', '-r', client.at('hashes.txt')]
    mustEqual('files', await client.download('hashed', words), [LIB, TOOL])
    await writeFile(client.at('wrong.txt'), lineOf(LIB, '0'.repeat(64)))
    const wrong = ['--dest', client.at('wrong'), '--require-hashes', '-r', client.at('wrong.txt')]
    mustFail(await client.ask('download', wrong), /DO NOT MATCH|hash/i)
    return 'two wheels'
  }
}

const requiresPython: PipCheck = {
  what: 'Requires-Python is respected, of our wheels and of source archives',
  phase: 'all there',
  async run(client) {
    const version = client.isPython(3, 8) ? '1.5' : '1.0'
    const files = await client.download('needs', ['mesh-needs'])
    mustEqual('files', files, [`mesh_needs-${version}-py2.py3-none-any.whl`])
    return `takes ${version}`
  }
}

const yanked: PipCheck = {
  what: 'what upstream yanked is passed over, our wheel of it too, and can be pinned',
  phase: 'all there',
  without: (client) =>
    client.isSince(19, 2) ? undefined : 'takes yanked files like any other: PEP 592 came with 19.2',
  async run(client) {
    const words = ['--no-deps', 'mesh-tool', 'up-wheel']
    mustEqual('files', await client.download('unpinned', words), [TOOL, 'up_wheel-1.0-py2.py3-none-any.whl'])
    const pinned = ['--no-deps', 'mesh-tool==1.2', 'up-wheel==1.1']
    const expected = ['mesh_tool-1.2-py2.py3-none-any.whl', 'up_wheel-1.1-py2.py3-none-any.whl']
    mustEqual('pinned files', await client.download('pinned', pinned), expected)
    return 'ours 1.1, upstream’s 1.0; pinned 1.2 and 1.1'
  }
}

const metadata: PipCheck = {
  what: 'resolves by .metadata: of what it passes over no wheel is fetched',
  phase: 'all there',
  without: (client) =>
    client.isSince(23, 2) ? undefined : 'fetches every wheel it looks at: PEP 658 came with 23.2',
  async run(client) {
    const words = ['--only-binary', ':all:', 'mesh-tool==1.1', 'mesh-any', 'mesh-lib']
    const chosen = ['mesh_any-1.0-py2.py3-none-any.whl', LIB, TOOL]
    mustEqual('files', await client.download('resolved', words), chosen)
    mustEqual('wheels fetched', bodiesOf(client.front), chosen)
    const seen = metadataOf(client.front)
    must(`only ${seen.join(', ')}`, seen.includes('mesh_any-2.0-py2.py3-none-any.whl.metadata'))
    return `${seen.length} .metadata, ${chosen.length} wheels`
  }
}

const conditional: PipCheck = {
  what: 'asks again with If-None-Match and gets 304; takes an immutable file from its cache',
  phase: 'all there',
  async run(client) {
    // No pip keeps pages of plain HTTP; over TLS all do.
    const { front } = client
    const common = ['--cert', client.caFile, '--cache-dir', client.at('cache'), '--no-deps']
    const words = ['download', '--index-url', front.tlsIndexUrl, ...common, 'mesh-lib==1.5']
    mustWork(await client.pip([...words, '--dest', client.at('first')]))
    front.seen.length = 0
    mustWork(await client.pip([...words, '--dest', client.at('second')]))
    mustEqual('files the second time', await client.list('second'), [LIB])
    mustEqual('wheels fetched again', bodiesOf(front), [])
    return mustBeConditional(front, 'mesh-lib')
  }
}

const resume: PipCheck = {
  what: 'a download that broke off goes on where it ended',
  phase: 'all there',
  without: (client) =>
    client.isSince(25, 1) ? undefined : 'never goes on with a download: that came with 25.1',
  async run(client) {
    client.front.cutNext(LARGE, LARGE_BYTES / 2)
    mustEqual('files', await client.download('resumed', ['--resume-retries', '3', 'mesh-large']), [LARGE])
    return mustResume(client.front, LARGE)
  }
}

const ranges: PipCheck = {
  what: 'reads METADATA out of a wheel by ranges (--use-feature=fast-deps)',
  phase: 'all there',
  without: (client) => {
    if (!client.isSince(20, 3)) return 'asks for whole files only'
    return client.isSince(23, 2) ? 'needs no ranges where there is .metadata' : undefined
  },
  async run(client) {
    const words = ['--use-feature=fast-deps', 'mesh-large']
    mustEqual('files', await client.download('ranges', words), [LARGE])
    return mustResume(client.front, LARGE)
  }
}

const piZero: PipCheck = {
  what: 'download for linux_armv6l, install as on a Pi Zero: RECORD holds, pip check is clean',
  phase: 'all there',
  without: ({ python }) => (python[0] === 2 ? 'the wheel is for Python 3' : undefined),
  async run(client) {
    const words = ['--platform', 'linux_armv6l', '--only-binary', ':all:', PI_PROJECT]
    const [wheel = '', ...others] = await client.download('for-pi', words)
    mustEqual('files', [wheel, ...others], [PI_WHEEL])
    // Into the environment itself: pip check looks at no tags of what lies elsewhere.
    const here = ['install', '--no-index', '--find-links', client.at('for-pi'), PI_PROJECT]
    mustWork(await client.pip(here, AS_PI_ZERO))
    const files = await mustBeSound(await client.eval(SITE), 'pi_blink', 'py3-none-linux_armv6l')
    mustWork(await client.pip(['check'], AS_PI_ZERO))
    if (!client.isSince(24, 2)) return `${files} files`
    // On this machine it is the wrong wheel, and pip check must say so: else it would have looked at nothing.
    mustFail(await client.pip(['check']), /not supported on this platform/)
    return `${files} files; pip check names the platform when it is another`
  }
}

const unknown: PipCheck = {
  what: 'a project that does not exist is said so at once',
  phase: 'all there',
  async run(client) {
    const run = await client.ask('download', ['--dest', client.at('none'), 'no-such-project'])
    mustFail(run, /No matching distribution found/)
    return mustBeUnknown(client.front, 'no-such-project')
  }
}

const lock: PipCheck = {
  what: 'makes a lock of digests on alpha',
  phase: 'all there',
  async run(client) {
    const files = await client.download('to-lock', ['mesh-tool==1.1'])
    const hashed = await client.pip(['hash', ...files.map((file) => client.at('to-lock', file))])
    mustWork(hashed)
    const digests = [...hashed.stdout.matchAll(/--hash=(sha256:[0-9a-f]{64})/g)].map(([, digest]) => digest!)
    const lines = files.map((file, at) => lineOf(file, digests[at]!.slice('sha256:'.length)))
    await writeFile(client.at('lock.txt'), lines.join('\n'))
    mustEqual('locked', files, [LIB, TOOL])
    return `${files.length} wheels`
  }
}

const useLock: PipCheck = {
  what: 'installs the lock made on alpha from beta, at its own address, with alpha stopped',
  phase: 'alpha stopped',
  async run(client) {
    const words = ['--target', client.at('from-lock'), '--require-hashes', '-r', client.at('lock.txt')]
    mustWork(await client.askAt(client.mesh.beta.url('/simple/'), 'install', words))
    const printed = await client.eval('import mesh_tool; print(mesh_tool.version)', 'from-lock')
    mustEqual('what can be imported', printed, '1.1')
    return 'two wheels'
  }
}

const alone: PipCheck = {
  what: 'with upstream gone as well it still installs',
  phase: 'upstream gone',
  async run(client) {
    await mkdir(client.at('alone'), { recursive: true })
    mustWork(await client.ask('install', ['--target', client.at('alone'), 'mesh-tool==1.1', 'mesh-large']))
    mustComeFromMesh(client, [TOOL, LIB, LARGE])
    return 'three wheels'
  }
}

export const PIP_CHECKS: readonly PipCheck[] = [
  install,
  native,
  hashes,
  requiresPython,
  yanked,
  metadata,
  conditional,
  resume,
  ranges,
  piZero,
  unknown,
  lock,
  useLock,
  alone
]
