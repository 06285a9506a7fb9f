import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { customSdist } from '../fixtures/custom-sdist.ts'
import { buildFixture, createBuildKit, leftovers, logText, type BuildKit } from '../support/build-kit.ts'

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

/** A wheel with these files, and a compiled module that wants a symbol nobody has when `code` says so. */
async function smokeOf(name: string, files: Readonly<Record<string, string>>, more = '') {
  const code = `def files():\n    return {path: text.encode() for path, text in json.loads(${JSON.stringify(JSON.stringify(files))}).items()}\n${more}`
  const report = await buildFixture(kit, name, await customSdist(name, code))
  expect(report.wheel, logText(kit, report)).toBeDefined()
  return report.wheel?.smoke
}

test('what imports is ok: packages, single modules, and packages below a namespace', async () => {
  const smoke = await smokeOf('fixture-good', {
    'fixture_good/__init__.py': 'from . import inner',
    'fixture_good/inner.py': '',
    'fixture_single.py': '',
    'spaces/fixture_ns/__init__.py': '',
    'tests/__init__.py': 'raise SystemError("not a part of it")'
  })
  expect(smoke).toEqual({ outcome: 'ok', modules: 3, reason: '' })
})

test('what only lacks a dependency is not known to work', async () => {
  const smoke = await smokeOf('fixture-needy', { 'fixture_needy/__init__.py': 'import not_there_at_all' })
  expect(smoke).toEqual({
    outcome: 'unknown',
    modules: 1,
    reason: 'fixture_needy: missing dependency not_there_at_all'
  })
})

test('a lack of its own, a crash and a wrong syntax are failures; the worst counts, and all are tried', async () => {
  const smoke = await smokeOf('fixture-broken', {
    'a_lack/__init__.py': 'import not_there_at_all',
    'b_crash/__init__.py': 'import os, signal; os.kill(os.getpid(), signal.SIGSEGV)',
    'c_own/__init__.py': 'from .forgotten import it',
    'd_good/__init__.py': ''
  })
  expect(smoke).toEqual({ outcome: 'failed', modules: 4, reason: 'b_crash: crashes: SIGSEGV' })
})

test('it has no network, no build folder and no other packages, and cannot say more than its own verdict', async () => {
  const probe = [
    'import os, socket',
    'def fails(ask):',
    '    try:',
    '        ask()',
    '    except Exception:',
    '        return True',
    'assert fails(lambda: socket.create_connection(("127.0.0.1", 22), timeout=1))',
    'assert not os.path.exists("/build/src") and not os.path.exists("/build/out")',
    'assert fails(lambda: __import__("pip"))'
  ].join('\n')
  expect(await smokeOf('fixture-probe', { 'fixture_probe/__init__.py': probe })).toMatchObject({
    outcome: 'ok'
  })
})

test('a compiled module that the loader refuses is a failure, also where its package goes on without it', async () => {
  const compile = `
def tag():
    return "cp%d%d-cp%d%d-%s" % (sys.version_info[:2] * 2 + (sysconfig.get_platform().replace("-", "_").replace(".", "_"),))

def before(folder):
    with open("/build/tmp/m.c", "w") as out:
        out.write("extern int nobody_has_this(void); void *PyInit__fast(void) { nobody_has_this(); return 0; }")
    subprocess.check_call(["cc", "-shared", "-fPIC", "-o", "/build/tmp/m.so", "/build/tmp/m.c"])

def files():
    with open("/build/tmp/m.so", "rb") as source:
        code = source.read()
    init = b"try:\\n    from . import _fast\\nexcept ImportError:\\n    pass\\n"
    return {MODULE + "/__init__.py": init, MODULE + "/_fast" + sysconfig.get_config_var("EXT_SUFFIX"): code}
`
  await promisify(execFile)('cc', ['--version'])
  const smoke = await smokeOf('fixture-loader', {}, compile)
  expect(smoke).toMatchObject({ outcome: 'failed', modules: 2 })
  expect(smoke?.reason).toMatch(/^fixture_loader\._fast: ImportError: .*undefined symbol: nobody_has_this/)
})

test('a pure wheel of a source with an extension is suspicious, one without is not', async () => {
  const pure = await buildFixture(kit, 'fixture-pure', await customSdist('fixture-pure', ''))
  expect(pure.wheel).not.toHaveProperty('suspicious')
  const files = { 'src/fast.c': '/* fast */\n#include <Python.h>\n', 'tests/slow.pyx': '' }
  const report = await buildFixture(kit, 'fixture-fallen', await customSdist('fixture-fallen', '', files))
  expect(report.wheel?.suspicious).toBe(
    'its source has code to compile (src/fast.c), and there is none in it'
  )
})
