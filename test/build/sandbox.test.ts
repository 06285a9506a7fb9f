import { expect, test } from 'vitest'
import { bwrapArguments, INSIDE } from '../../src/build/sandbox.ts'
import { buildEnvironment, fetchEnvironment, fetchPaths } from '../../src/build/sandbox-env.ts'
import { seccompFilter } from '../../src/build/seccomp.ts'

const plan = {
  facts: { usrLinks: ['bin', 'lib'], etcPaths: ['/etc/ld.so.cache'] },
  etcFolder: '/place/etc',
  work: '/place/work/b-1/build',
  readOnly: [{ host: '/place/tools/x', inside: '/tools' }],
  network: false,
  env: { HOME: INSIDE.home },
  cwd: INSIDE.work,
  command: ['true']
}

test('a build has no network, no capability and no user namespace of its own', () => {
  const words = bwrapArguments(plan)
  for (const word of [
    '--unshare-net',
    '--unshare-user',
    '--unshare-pid',
    '--disable-userns',
    '--die-with-parent'
  ]) {
    expect(words).toContain(word)
  }
  expect(words.join(' ')).toContain('--clearenv --cap-drop ALL')
  expect(words.slice(-2)).toEqual(['--', 'true'])
})

test('only fetching has the network', () => {
  expect(bwrapArguments({ ...plan, network: true })).not.toContain('--unshare-net')
})

test('everything but the work folder is closed to writing once it is in place', () => {
  const words = bwrapArguments(plan)
  const text = words.join(' ')
  expect(words.filter((word) => word === '--bind')).toHaveLength(1)
  expect(text).toContain('--bind /place/work/b-1/build /build')
  expect(text.indexOf('--remount-ro /dev')).toBeGreaterThan(text.indexOf('--ro-bind /place/tools/x /tools'))
  expect(text.indexOf('--remount-ro / ')).toBeGreaterThan(text.indexOf('--remount-ro /dev'))
})

test('builds see the fixed environment, whatever this machine has', () => {
  expect(buildEnvironment(1_704_067_200, 3)).toMatchObject({
    SOURCE_DATE_EPOCH: '1704067200',
    PYTHONHASHSEED: '0',
    PIP_NO_INDEX: '1',
    MAKEFLAGS: '-j3'
  })
})

test('fetching takes certificates and proxies of this machine, and nothing else', () => {
  const env = fetchEnvironment({
    SSL_CERT_FILE: '/etc/ssl/own.pem',
    https_proxy: 'http://p:1',
    AWS_SECRET: 'x',
    PIP_CERT: ''
  })
  expect(env).toMatchObject({ SSL_CERT_FILE: '/etc/ssl/own.pem', https_proxy: 'http://p:1' })
  expect(env).not.toHaveProperty('AWS_SECRET')
  expect(env).not.toHaveProperty('PIP_CERT')
  expect(fetchPaths(env)).toContain('/etc/ssl/own.pem')
  expect(fetchPaths({ SSL_CERT_FILE: '/root/own.pem' })).not.toContain('/root/own.pem')
})

/** Runs the filter as the kernel would, for one system call. */
function verdict(arch: number, number: number, [first = 0, second = 0]: readonly number[] = []): number {
  const bytes = Buffer.from(seccompFilter())
  const data = new Map([
    [0, number],
    [4, arch],
    [16, first],
    [24, second]
  ])
  let accumulator = 0
  for (let pc = 0; pc * 8 < bytes.byteLength; pc++) {
    const code = bytes.readUInt16LE(pc * 8)
    const operand = bytes.readUInt32LE(pc * 8 + 4)
    const jump = (condition: boolean): number => bytes.readUInt8(pc * 8 + (condition ? 2 : 3))
    if (code === 0x06) return operand
    if (code === 0x20) accumulator = data.get(operand) ?? 0
    else if (code === 0x05) pc += operand
    else if (code === 0x15) pc += jump(accumulator === operand)
    else if (code === 0x35) pc += jump(accumulator >= operand)
    else if (code === 0x45) pc += jump((accumulator & operand) !== 0)
    else throw new Error(`unknown instruction ${code}`)
  }
  throw new Error('ran off the end')
}

const ALLOW = 0x7fff0000
const [X64, ARM64, ARM] = [0xc000003e, 0xc00000b7, 0x40000028]
const calls = [
  { id: 'read on x64', arch: X64, number: 0, expected: ALLOW },
  { id: 'ptrace on x64', arch: X64, number: 101, expected: 0x50001 },
  { id: 'ptrace on arm64', arch: ARM64, number: 117, expected: 0x50001 },
  { id: 'ptrace on arm', arch: ARM, number: 26, expected: 0x50001 },
  { id: 'an ordinary call of arm with the number of ptrace on x64', arch: ARM, number: 101, expected: ALLOW },
  { id: 'mount on arm', arch: ARM, number: 21, expected: 0x50001 },
  { id: 'clone3 on arm64', arch: ARM64, number: 435, expected: 0x50026 },
  { id: 'x32 on x64', arch: X64, number: 0x40000000, expected: 0x50026 },
  { id: 'a unix socket on x64', arch: X64, number: 41, arguments: [1], expected: ALLOW },
  { id: 'a vsock on x64', arch: X64, number: 41, arguments: [40], expected: 0x50061 },
  { id: 'a vsock on arm', arch: ARM, number: 281, arguments: [40], expected: 0x50061 },
  {
    id: 'the last family of sockets that is allowed',
    arch: X64,
    number: 41,
    arguments: [16],
    expected: ALLOW
  },
  { id: 'a fork on x64', arch: X64, number: 56, arguments: [0x01200011], expected: ALLOW },
  { id: 'a thread on arm', arch: ARM, number: 120, arguments: [0x003d0f00], expected: ALLOW },
  {
    id: 'a user namespace by clone on arm64',
    arch: ARM64,
    number: 220,
    arguments: [0x10000011],
    expected: 0x50001
  },
  {
    id: 'a network namespace by clone on arm',
    arch: ARM,
    number: 120,
    arguments: [0x40000011],
    expected: 0x50001
  },
  { id: 'TIOCSTI on x64', arch: X64, number: 16, arguments: [0, 0x5412], expected: 0x50001 },
  { id: 'TIOCLINUX on arm', arch: ARM, number: 54, arguments: [0, 0x541c], expected: 0x50001 },
  { id: 'the size of a terminal on arm64', arch: ARM64, number: 29, arguments: [0, 0x5413], expected: ALLOW },
  { id: 'memfd_create on arm', arch: ARM, number: 385, expected: 0x50026 },
  { id: 'shmget on x64', arch: X64, number: 29, expected: 0x50026 },
  { id: 'ioctl on arm64, whose number is that of shmget on x64', arch: ARM64, number: 29, expected: ALLOW },
  { id: 'pidfd_getfd on arm', arch: ARM, number: 438, expected: 0x50001 },
  { id: 'open_tree_attr on arm64', arch: ARM64, number: 467, expected: 0x50001 },
  { id: 'landlock on x64', arch: X64, number: 444, expected: ALLOW },
  { id: 'i386', arch: 0x40000003, number: 3, expected: 0x80000000 }
] as const

test.for(calls)('seccomp: $id', (call) => {
  expect(verdict(call.arch, call.number, 'arguments' in call ? call.arguments : [])).toBe(call.expected)
})
