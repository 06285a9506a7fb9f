import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspectFile, inspectMade, type Inspected } from '../support/inspect-made-wheel.ts'
import { makeElf, type ElfPlan } from '../support/make-elf.ts'
import { makeWheel, type WheelPlan } from '../support/make-wheel.ts'

const compiledTag = 'cp311-cp311-linux_aarch64'

function withElf(elf: ElfPlan, tag = compiledTag): Partial<WheelPlan> {
  return { tag, files: { 'demo/__init__.py': '', 'demo/fast.so': makeElf(elf) } }
}

describe('a good wheel', () => {
  test('pure', async () => {
    const plan = { requiresPython: '>=3.9' }
    expect(await inspectMade(plan)).toEqual({
      kind: 'ok',
      facts: {
        requiresPython: '>=3.9',
        metadata: Buffer.from(makeWheel({ name: 'demo', version: '1.0', ...plan }).metadata),
        aptPackages: [],
        glibcFloor: '',
        normalized: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        isHollow: false,
        alsoRunsOn: []
      }
    })
  })

  test('compiled: its glibc and the packages with its libraries, but not those that it brings along', async () => {
    const dpkgInfo = await mkdtemp(join(tmpdir(), 'commonwheel-dpkg-'))
    const lists = {
      'zlib1g:arm64.list': '/.\n/lib/aarch64-linux-gnu/libz.so.1\n/lib/aarch64-linux-gnu/libz.so.1.2.13\n',
      'zlib1g:armhf.list': '/lib/arm-linux-gnueabihf/libz.so.1\n',
      'libc6:arm64.list': '/lib/aarch64-linux-gnu/libc.so.6\n',
      'libopenblas0-pthread:arm64.list': '/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0\n',
      'other.md5sums': '/usr/lib/aarch64-linux-gnu/libnobody.so.1\n'
    }
    for (const [name, text] of Object.entries(lists)) await writeFile(join(dpkgInfo, name), text)
    const fast = makeElf({
      needed: ['libz.so.1', 'libc.so.6', 'libopenblas.so.0', 'libown.so.1', 'libnobody.so.1'],
      versions: { 'libc.so.6': ['GLIBC_2.17', 'GLIBC_2.34', 'GLIBC_PRIVATE'], 'libm.so.6': ['GLIBC_2.9'] }
    })
    const files = { 'demo/fast.so': fast, 'demo/libown-12ab.so': makeElf({ soname: 'libown.so.1' }) }
    const inspected = await inspectMade({ tag: compiledTag, files }, { dpkgInfo })
    await rm(dpkgInfo, { recursive: true })
    expect(inspected).toMatchObject({
      kind: 'ok',
      facts: { aptPackages: ['libopenblas0-pthread', 'zlib1g'], glibcFloor: '2.34' }
    })
  })

  const good: { id: string; plan: Partial<WheelPlan>; options?: Inspected }[] = [
    { id: 'for Python 2 too', plan: { tag: 'py2.py3-none-any' } },
    { id: 'with the stable ABI', plan: withElf({}, 'cp38-abi3-linux_aarch64') },
    { id: 'with both stable ABIs', plan: withElf({}, 'cp311-abi3.abi3t-linux_aarch64') },
    { id: 'tagged manylinux by its backend', plan: withElf({}, 'cp311-cp311-manylinux_2_28_aarch64') },
    { id: 'of a platform, without compiled code', plan: { tag: compiledTag } },
    { id: 'with libraries beside', plan: withElf({ runpath: '$ORIGIN/../demo.libs:${ORIGIN}:' }) },
    {
      id: "that names the system's own folder",
      plan: withElf({ runpath: '/usr/lib/aarch64-linux-gnu/hdf5/serial' })
    },
    { id: 'with an object file of another machine as data', plan: withElf({ type: 1, machine: 8 }) },
    {
      id: 'in another spelling of name and version',
      plan: { name: 'De.Mo', version: '1.0.0' },
      options: { project: 'de-mo' }
    },
    {
      id: 'of ARMv7 code',
      plan: withElf(
        { machine: 40, wide: false, flags: 0x5000400, arm: { cpu: 10 } },
        'cp311-cp311-linux_armv7l'
      ),
      options: { target: 'cp311-linux_armv7l-glibc2.36' }
    },
    {
      id: 'of ARMv6 code for ARMv6',
      plan: withElf(
        { machine: 40, wide: false, flags: 0x5000400, arm: { cpu: 7 } },
        'cp311-cp311-linux_armv6l'
      ),
      options: { target: 'cp311-linux_armv6l-glibc2.36' }
    }
  ]
  test.for(good)('$id', async ({ plan, options }) => {
    expect(await inspectMade(plan, options)).toMatchObject({ kind: 'ok' })
  })
})

interface Refusal {
  readonly id: string
  readonly plan: Partial<WheelPlan>
  readonly options?: Inspected
  readonly cause: string
}

const pureWheelFile = 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'

const badNames: Refusal[] = [
  { id: 'no wheel name', plan: { filename: 'demo-1.0.whl' }, cause: 'bad-wheel-name' },
  {
    id: 'a variant label',
    plan: { filename: 'demo-1.0-cp311-cp311-linux_aarch64-null.whl' },
    cause: 'bad-wheel-name'
  },
  { id: 'another project', plan: { name: 'other' }, cause: 'wrong-project' },
  { id: 'another version', plan: { version: '1.1' }, cause: 'wrong-version' },
  { id: 'a local version', plan: { version: '1.0+mine' }, cause: 'wrong-version' },
  { id: 'a build tag', plan: { filename: 'demo-1.0-1-py3-none-any.whl' }, cause: 'unexpected-build-tag' },
  { id: 'another Python', plan: { tag: 'cp312-cp312-linux_aarch64' }, cause: 'unsupported-tags' },
  { id: 'another machine', plan: { tag: 'cp311-cp311-linux_x86_64' }, cause: 'unsupported-tags' },
  {
    id: 'a second Python of compiled code',
    plan: { tag: 'cp311.cp312-cp311-linux_aarch64' },
    cause: 'unsupported-tags'
  },
  {
    id: 'every machine for compiled code',
    plan: { tag: 'py3-none-linux_aarch64.linux_x86_64' },
    cause: 'unsupported-tags'
  },
  {
    id: "the 64-bit kernel's name for ARMv7",
    plan: { tag: 'cp311-cp311-linux_armv8l' },
    options: { target: 'cp311-linux_armv7l-glibc2.36' },
    cause: 'unsupported-tags'
  }
]

const badInside: Refusal[] = [
  {
    id: 'WHEEL with other tags',
    plan: { wheel: `${pureWheelFile}Tag: py2-none-any\n` },
    cause: 'tags-differ'
  },
  { id: 'WHEEL without tags', plan: { wheel: 'Wheel-Version: 1.0\n' }, cause: 'tags-differ' },
  { id: 'WHEEL with a build tag', plan: { wheel: `${pureWheelFile}Build: 1\n` }, cause: 'tags-differ' },
  { id: 'WHEEL of version 2', plan: { wheel: pureWheelFile.replace('1.0', '2.0') }, cause: 'bad-wheel-file' },
  { id: 'no WHEEL', plan: { wheel: null }, cause: 'bad-dist-info' },
  { id: 'no METADATA', plan: { metadata: null }, cause: 'bad-dist-info' },
  {
    id: 'METADATA of another project',
    plan: { metadata: 'Metadata-Version: 2.1\nName: x\nVersion: 1.0\n' },
    cause: 'bad-metadata'
  },
  {
    id: 'METADATA of another version',
    plan: { metadata: 'Metadata-Version: 2.1\nName: demo\nVersion: 2\n' },
    cause: 'bad-metadata'
  },
  { id: 'METADATA that is none', plan: { metadata: 'hello\n' }, cause: 'bad-metadata' },
  {
    id: 'METADATA with an endless Requires-Python',
    plan: { requiresPython: `>=3${',!=3.0'.repeat(1_000)}` },
    cause: 'bad-metadata'
  },
  { id: 'a second .dist-info', plan: { files: { 'x-1.dist-info/METADATA': '' } }, cause: 'bad-dist-info' },
  { id: 'no RECORD', plan: { record: null }, cause: 'bad-dist-info' },
  { id: 'an empty RECORD', plan: { record: '' }, cause: 'record-mismatch' },
  { id: 'RECORD that is none', plan: { record: 'hello' }, cause: 'record-mismatch' },
  {
    id: 'RECORD with another digest',
    plan: { record: `demo.py,sha256=${'A'.repeat(43)},12\ndemo-1.0.dist-info/RECORD,,\n` },
    cause: 'record-mismatch'
  },
  {
    id: 'a member that RECORD does not know',
    plan: { extraEntries: [{ name: 'more.py', data: 'x' }] },
    cause: 'record-mismatch'
  },
  {
    id: 'compiled code in a pure wheel',
    plan: withElf({}, 'py3-none-any'),
    cause: 'compiled-code-in-pure-wheel'
  },
  { id: 'code of another machine', plan: withElf({ machine: 62 }), cause: 'wrong-machine' },
  { id: 'code of another word size', plan: withElf({ wide: false }), cause: 'wrong-machine' },
  {
    id: 'soft-float code',
    plan: withElf({ machine: 40, wide: false, flags: 0x5000200 }, 'cp311-cp311-linux_armv7l'),
    options: { target: 'cp311-linux_armv7l-glibc2.36' },
    cause: 'wrong-machine'
  },
  {
    id: 'ARMv7 code for ARMv6',
    plan: withElf({ machine: 40, wide: false, arm: { cpu: 10 } }, 'cp311-cp311-linux_armv6l'),
    options: { target: 'cp311-linux_armv6l-glibc2.36' },
    cause: 'wrong-machine'
  },
  {
    id: 'code with Thumb-2, which ARMv6T2 alone has, for ARMv6',
    plan: withElf({ machine: 40, wide: false, arm: { cpu: 8 } }, 'cp311-cp311-linux_armv6l'),
    options: { target: 'cp311-linux_armv6l-glibc2.36' },
    cause: 'wrong-machine'
  },
  {
    id: 'ARMv8 code for ARMv7',
    plan: withElf({ machine: 40, wide: false, arm: { cpu: 14 } }, 'cp311-cp311-linux_armv7l'),
    options: { target: 'cp311-linux_armv7l-glibc2.36' },
    cause: 'wrong-machine'
  },
  {
    id: "libraries from the builder's home",
    plan: withElf({ runpath: '/home/pi/.pyenv/lib' }),
    cause: 'foreign-library-path'
  },
  {
    id: 'libraries from the working folder',
    plan: withElf({ runpath: 'libs' }),
    cause: 'foreign-library-path'
  },
  {
    id: 'libraries from above the wheel',
    plan: withElf({ runpath: '$ORIGIN/../../tmp' }),
    cause: 'foreign-library-path'
  },
  {
    id: 'libraries from a detour',
    plan: withElf({ runpath: '/usr/lib/../../tmp' }),
    cause: 'foreign-library-path'
  },
  {
    id: 'a newer glibc',
    plan: withElf({ versions: { 'libc.so.6': ['GLIBC_2.38'] } }),
    cause: 'glibc-too-new'
  },
  {
    id: 'ELF that leads nowhere',
    plan: { tag: compiledTag, files: { 'a.so': makeElf({ needed: ['x'] }).subarray(0, 100) } },
    cause: 'malformed-elf'
  }
]

test.for([...badNames, ...badInside])('refused: $id', async ({ plan, options, cause }) => {
  expect(await inspectMade(plan, options)).toMatchObject({ kind: 'refused', cause })
})

describe('what a build may leave in place of a wheel', () => {
  test('a link to somewhere else is not followed, a folder not read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'commonwheel-link-'))
    const path = join(folder, 'demo-1.0-py3-none-any.whl')
    await symlink('/etc/passwd', path)
    expect(await inspectFile(path)).toMatchObject({ kind: 'refused', cause: 'malformed-archive' })
    await rm(folder, { recursive: true })
  })

  test("a missing file is this machine's fault, not the package's", async () => {
    await expect(inspectFile('/nonexistent/demo-1.0-py3-none-any.whl')).rejects.toMatchObject({
      code: 'ENOENT'
    })
  })
})
