import { expect, test } from 'vitest'
import { classifyText, failureOf, hostFailure } from '../../src/build/classify-failure.ts'
import type { JudgedStep } from '../../src/core/failure-causes.ts'

interface TextCase {
  readonly id: string
  readonly step?: JudgedStep
  readonly text: string
  readonly class: string
  readonly cause: string
  readonly reason?: string
}

const texts: readonly TextCase[] = [
  {
    id: 'pip that dies before it looks at the package',
    text: 'Traceback (most recent call last):\n  File "<frozen runpy>", line 198, in _run_module_as_main\n  File "/tools/lib/python3.13/site-packages/pip/__main__.py", line 24, in <module>\n    sys.exit(_main())\nFileNotFoundError: [Errno 2] No such file or directory',
    class: 'infra',
    cause: 'pip-broken',
    reason: 'pip itself does not run on this node: FileNotFoundError: [Errno 2] No such file or directory'
  },
  {
    id: 'a package whose setup.py raises under pip',
    text: 'Processing /build/src/demo-1.0\n  File "/tools/lib/python3.13/site-packages/pip/__main__.py", line 24, in <module>\nFileNotFoundError: [Errno 2] No such file or directory: \'README.rst\'',
    class: 'package',
    cause: 'build-failed'
  },
  {
    id: 'header of a known package',
    text: 'c/_cffi.c:15:10: fatal error: ffi.h: No such file or directory\n   15 | #include <ffi.h>\ncompilation terminated.',
    class: 'missing-dependency',
    cause: 'missing-header',
    reason: 'the header ffi.h is missing: apt install libffi-dev'
  },
  {
    id: 'header that nobody knows',
    text: 'x.c:1:1: fatal error: acme/rocket.h: No such file or directory',
    class: 'missing-dependency',
    cause: 'missing-header',
    reason: 'the header acme/rocket.h is missing'
  },
  {
    id: 'no compiler',
    text: "error: command 'gcc' failed: No such file or directory",
    class: 'missing-dependency',
    cause: 'missing-tool',
    reason: 'the program gcc is missing: apt install gcc'
  },
  {
    id: 'no compiler, by its path',
    text: "error: command '/usr/bin/arm-linux-gnueabihf-gcc' failed: No such file or directory",
    class: 'missing-dependency',
    cause: 'missing-tool'
  },
  {
    id: 'pg_config',
    text: 'Error: pg_config executable not found.\n\npg_config is required to build psycopg2 from source.',
    class: 'missing-dependency',
    cause: 'missing-tool',
    reason: 'the program pg_config is missing: apt install libpq-dev'
  },
  {
    id: 'a tool that a shell does not find',
    text: '/bin/sh: 1: cmake: not found',
    class: 'missing-dependency',
    cause: 'missing-tool',
    reason: 'the program cmake is missing: apt install cmake'
  },
  {
    id: 'Rust',
    text: "error: can't find Rust compiler\n\nIf you are using an outdated pip version …",
    class: 'missing-dependency',
    cause: 'missing-rust'
  },
  {
    id: 'library for the linker',
    text: '/usr/bin/ld: cannot find -lxslt: No such file or directory',
    class: 'missing-dependency',
    cause: 'missing-library',
    reason: 'the library xslt is missing: apt install libxslt1-dev'
  },
  {
    id: 'pkg-config',
    text: "No package 'dbus-1' found",
    class: 'missing-dependency',
    cause: 'missing-library',
    reason: 'the library dbus-1 is missing: apt install libdbus-1-dev'
  },
  {
    id: 'Python 2',
    text: `  File "setup.py", line 3\n    print "x"\nSyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?`,
    class: 'package',
    cause: 'python2-only'
  },
  {
    id: 'a module that Python lost',
    text: "ModuleNotFoundError: No module named 'distutils'",
    class: 'package',
    cause: 'python-too-new'
  },
  {
    id: 'numpy not asked for',
    text: "ModuleNotFoundError: No module named 'numpy'",
    class: 'package',
    cause: 'undeclared-requirement'
  },
  {
    id: 'killed compiler',
    text: 'c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.',
    class: 'resource',
    cause: 'out-of-memory'
  },
  { id: 'memory error', text: 'Traceback\nMemoryError', class: 'resource', cause: 'out-of-memory' },
  {
    id: 'full disk inside',
    text: 'OSError: [Errno 28] No space left on device',
    class: 'resource',
    cause: 'disk-limit'
  },
  {
    id: 'network',
    text: 'urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>',
    class: 'package',
    cause: 'wants-network'
  },
  {
    id: 'compile error',
    text: "src/x.c: In function 'f':\nsrc/x.c:7:3: error: unknown type name 'PyFoo'\nerror: command '/usr/bin/gcc' failed with exit code 1",
    class: 'package',
    cause: 'compile-error',
    reason: "it does not compile: src/x.c:7:3: error: unknown type name 'PyFoo'"
  },
  {
    id: 'question',
    text: 'Continue? Traceback (most recent call last):\nEOFError: EOF when reading a line',
    class: 'package',
    cause: 'wants-input'
  },
  {
    id: 'other Python wanted',
    text: "ERROR: Package 'x' requires a different Python: 3.11.2 not in '>=3.12'",
    class: 'package',
    cause: 'requires-python'
  },
  {
    id: 'the last exception of several',
    text: 'KeyError: 1\n\nDuring handling …\n\nValueError: bad thing\n  [end of output]\n',
    class: 'package',
    cause: 'build-failed',
    reason: 'its build raised ValueError: bad thing'
  },
  {
    id: 'no wheel of a requirement',
    step: 'requirements',
    text: 'ERROR: No matching distribution found for maturin<2,>=1.4',
    class: 'missing-dependency',
    cause: 'requirement-unavailable',
    reason: 'its build requirement maturin<2,>=1.4 has no wheel for this target yet'
  },
  {
    id: 'index down',
    step: 'requirements',
    text: "WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError'\nERROR: No matching distribution found for setuptools",
    class: 'transient',
    cause: 'index-unavailable'
  },
  {
    id: 'nothing known',
    text: 'strange things\n\n',
    class: 'package',
    cause: 'build-failed',
    reason: 'the build failed: strange things'
  }
]

test.for(texts)('$id', ({ step = 'build', text, reason, class: failureClass, cause }) => {
  const failure = classifyText(step, text)
  expect(failure).toMatchObject({ class: failureClass, cause })
  if (reason !== undefined) expect(failure.reason).toBe(reason)
})

test('what the machine did is never blamed on the package', () => {
  expect(
    failureOf('build', { ending: { kind: 'not-started', reason: 'bwrap: no' }, text: '' })
  ).toMatchObject({
    class: 'infra',
    cause: 'sandbox'
  })
  expect(failureOf('build', { ending: { kind: 'breach', breach: 'host-disk' }, text: '' })?.class).toBe(
    'infra'
  )
  expect(hostFailure(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toMatchObject({ cause: 'disk-full' })
  expect(hostFailure(Object.assign(new Error('x'), { code: 'EROFS' }))).toMatchObject({
    cause: 'disk-broken'
  })
  expect(hostFailure(new TypeError('x'))).toMatchObject({ class: 'infra', cause: 'builder-error' })
})

test('reasons are one bounded line without control characters', () => {
  const { reason } = classifyText('build', `ValueError: \u001b[31m${'x'.repeat(2_000)}`)
  expect(reason).not.toContain('\u001b')
  expect(reason.length).toBeLessThanOrEqual(400)
})
