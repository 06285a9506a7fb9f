import { expect, test } from 'vitest'
import { targetsOfAgent } from '../../src/http/client-agent.ts'

/** What an installer sends of itself; as pip 23.2 on a Raspberry Pi. */
function facts(over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    ci: null,
    cpu: 'armv7l',
    distro: {
      id: 'bookworm',
      libc: { lib: 'glibc', version: '2.36' },
      name: 'Raspbian GNU/Linux',
      version: '12'
    },
    implementation: { name: 'CPython', version: '3.11.2' },
    installer: { name: 'pip', version: '23.2.1' },
    openssl_version: 'OpenSSL 3.0.19 27 Jan 2026',
    python: '3.11.2',
    setuptools_version: '65.5.0',
    system: { name: 'Linux', release: '6.12.0-rpi' },
    ...over
  }
}

function agent(over: Readonly<Record<string, unknown>> = {}, name = 'pip/23.2.1'): string {
  return `${name} ${JSON.stringify(facts(over))}`
}

const known = [
  { id: 'pip on a Pi', sent: agent(), targets: ['cp311-linux_armv7l-glibc2.36'] },
  {
    id: 'pip on x86-64',
    sent: agent({ cpu: 'x86_64', python: '3.13.0' }),
    targets: ['cp313-linux_x86_64-glibc2.36']
  },
  {
    id: 'uv, whose installer has a subcommand',
    sent: agent(
      { installer: { name: 'uv', version: '0.12.5', subcommand: ['pip', 'install'] } },
      'uv/0.12.5'
    ),
    targets: ['cp311-linux_armv7l-glibc2.36']
  },
  {
    id: 'a 64-bit kernel, which may run a 32-bit system',
    sent: agent({ cpu: 'aarch64' }),
    targets: ['cp311-linux_aarch64-glibc2.36', 'cp311-linux_armv7l-glibc2.36']
  },
  {
    id: 'a 32-bit process on such a kernel',
    sent: agent({ cpu: 'armv8l' }),
    targets: ['cp311-linux_armv7l-glibc2.36']
  },
  {
    id: 'PyPy, by its Python',
    sent: agent({ implementation: { name: 'PyPy', version: '7.3.15' }, python: '3.10.13' }),
    targets: ['pp310-linux_armv7l-glibc2.36']
  },
  {
    id: 'uv on Alpine',
    sent: agent({ distro: { libc: { lib: 'musl', version: '1.2' } } }, 'uv/0.12.5'),
    targets: ['cp311-linux_armv7l-musl1.2']
  }
]

test.for(known)('$id', ({ sent, targets }) => {
  expect(targetsOfAgent(sent)).toEqual(targets)
})

const silent = [
  { id: 'nothing', sent: '' },
  { id: 'a browser', sent: 'Mozilla/5.0 (X11; Linux armv7l) {"cpu":"armv7l"}' },
  { id: 'poetry', sent: 'poetry/2.1.3 CPython/3.11.2 Linux/6.12.0' },
  { id: 'pip without JSON', sent: 'pip/1.5.4 CPython/2.7' },
  { id: 'pip on Windows', sent: agent({ system: { name: 'Windows', release: '11' } }) },
  { id: 'pip on Alpine, which names no libc', sent: agent({ distro: { id: 'alpine' } }) },
  { id: 'no distro', sent: agent({ distro: null }) },
  { id: 'another interpreter', sent: agent({ implementation: { name: 'constructor' } }) },
  { id: 'a cpu of every object', sent: agent({ cpu: 'constructor', python: 3 }) },
  { id: 'another cpu', sent: agent({ cpu: '../../etc' }) },
  { id: 'a cpu that is no text', sent: agent({ cpu: ['armv7l'] }) },
  { id: 'a Python that is none', sent: agent({ python: '3.1111' }) },
  { id: 'an endless version', sent: agent({ distro: { libc: { lib: 'glibc', version: '2.99999' } } }) },
  { id: 'broken JSON', sent: 'pip/23.2.1 {"cpu":' },
  { id: 'a JSON list', sent: 'pip/23.2.1 [{"cpu":"armv7l"}]' },
  { id: 'nested without end', sent: `pip/23.2.1 ${'{"a":'.repeat(300)}` },
  { id: 'too long', sent: agent({ padding: 'x'.repeat(3_000) }) },
  { id: 'a prototype', sent: agent({ __proto__: { cpu: 'armv7l' }, cpu: undefined }) }
]

test.for(silent)('says nothing: $id', ({ sent }) => {
  expect(targetsOfAgent(sent)).toEqual([])
})
