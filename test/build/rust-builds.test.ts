import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { readCargoConfig } from '../../src/build/cargo-config.ts'
import { findRust, type RustVerdict } from '../../src/build/rust-tools.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { customSdist } from '../fixtures/custom-sdist.ts'
import {
  buildFixture,
  createBuildKit,
  leftovers,
  logText,
  wheelMembers,
  type BuildKit
} from '../support/build-kit.ts'
import { makeFakeRust, startCrateRegistry, type CrateRegistry, type FakeRust } from '../support/fake-rust.ts'

// Real builds at idle priority: slow where others work, never a matter of this code.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let kit: BuildKit
let fake: FakeRust
let rust: RustVerdict
let registry: CrateRegistry

beforeAll(async () => {
  kit = await createBuildKit()
  fake = await makeFakeRust()
  rust = await findRust(fake.folder, kit.host)
  registry = await startCrateRegistry()
})

beforeEach(() => {
  registry.asked.length = 0
})

afterAll(async () => {
  await registry.close()
  await fake.remove()
  await kit.close()
})

afterEach(async () => {
  expect(await leftovers(kit)).toEqual([])
})

/** Its backend calls cargo, and keeps what that said. */
const CALLS_CARGO = `
SAID = []

def before(folder):
    SAID.append(subprocess.check_output(["cargo", "build"]))
    if os.path.exists("Cargo.lock"):
        SAID.append(open("Cargo.lock", "rb").read())

def files():
    return {MODULE + "/said.txt": b"".join(SAID)}
`
const MANIFEST = '[package]\nname = "own"\nversion = "1.0.0"\n[dependencies]\nleft = "1"\n'
const PUBLIC = 'registry+https://github.com/rust-lang/crates.io-index'

function lockOf(crates: Readonly<Record<string, string>>, source = PUBLIC): string {
  const packages = Object.entries(crates).map(
    ([name, bytes]) =>
      `[[package]]\nname = "${name}"\nversion = "1.0.0"\nsource = "${source}"\nchecksum = "${sha256Hex(bytes)}"\n`
  )
  return `version = 4\n${packages.join('')}`
}

async function buildRust(name: string, files: Readonly<Record<string, string>>) {
  const sdist = await customSdist(name, CALLS_CARGO, files)
  return buildFixture(kit, name, sdist, { rust, machine: registry.machine })
}

test('crates are fetched before the build, which finds them offline; another build takes them from the cache', async () => {
  const lock = lockOf({ left: 'crate left/1.0.0', right: 'crate right/1.0.0' })
  const report = await buildRust('fixture-rust', {
    'Cargo.toml': MANIFEST,
    'Cargo.lock': lock,
    '.cargo/config.toml': '[build]\nrustc = "/bin/false"\n'
  })
  const members = await wheelMembers(kit, report)
  const said = members.get('fixture_rust/said.txt')?.toString()
  expect(said).toContain("crates ['left-1.0.0.crate', 'right-1.0.0.crate']")
  expect(said).toContain('offline true')
  expect(registry.asked).toEqual(['left/1.0.0', 'right/1.0.0'])
  // outside the tree, whose configuration therefore does not count
  expect(logText(kit, report)).toContain(
    "fake cargo ['fetch', '--locked', '--manifest-path', '/source/Cargo.toml'] in /build offline None"
  )
  expect(report.environment.requirements).toEqual([
    `Cargo.lock sha256:${sha256Hex(lock)}`,
    'rustc 9.9.9 (fixture)'
  ])

  registry.asked.length = 0
  const again = await buildRust('fixture-again', {
    'rust/Cargo.toml': MANIFEST,
    'rust/Cargo.lock': lockOf({ right: 'crate right/1.0.0', third: 'crate third/1.0.0' })
  })
  expect((await wheelMembers(kit, again)).get('fixture_again/said.txt')?.toString()).toContain(
    "crates ['right-1.0.0.crate', 'third-1.0.0.crate']"
  )
  expect(registry.asked).toEqual(['third/1.0.0'])
})

test('a crate of other bytes than the lock file says is not kept for others', async () => {
  const files = { 'Cargo.toml': MANIFEST, 'Cargo.lock': lockOf({ forged: 'what it was once' }) }
  await buildRust('fixture-forged', files)
  await buildRust('fixture-forged', files)
  expect(registry.asked).toEqual(['forged/1.0.0', 'forged/1.0.0'])
})

test('without a lock file cargo makes one of a copy, and the build has it', async () => {
  const report = await buildRust('fixture-unlocked', { 'Cargo.toml': MANIFEST })
  expect((await wheelMembers(kit, report)).get('fixture_unlocked/said.txt')?.toString()).toContain(
    'version = 4\n'
  )
  expect(report.environment.requirements).toContain(`Cargo.lock sha256:${sha256Hex('version = 4\n')}`)
})

test('Cargo files of tests, and a manifest deep inside, are no reason to fetch anything', async () => {
  const report = await buildFixture(
    kit,
    'fixture-aside',
    await customSdist('fixture-aside', '', {
      'tests/crate/Cargo.toml': MANIFEST,
      'tests/crate/Cargo.lock': lockOf({ left: '' }, 'git+https://example.org/left'),
      'src/native/Cargo.toml': MANIFEST
    }),
    { rust, machine: registry.machine }
  )
  expect(report.wheel, logText(kit, report)).toBeDefined()
  expect(registry.asked).toEqual([])
  expect(report.environment.requirements).toEqual([])
})

const DECLARED = {
  'pyproject.toml':
    '[build-system]\nrequires = ["setuptools-rust"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
}

test.each([
  ['a git source of a lock file', { 'Cargo.lock': lockOf({ left: '' }, 'git+https://example.org/left') }],
  ['another registry', { 'Cargo.lock': lockOf({ left: '' }, 'sparse+http://127.0.0.1:1/') }],
  [
    'a git source of a manifest',
    { 'Cargo.toml': `${MANIFEST}[dependencies.x]\ngit = "http://127.0.0.1/x"\n` }
  ]
])('%s is refused before anything is asked', async (_, files) => {
  const report = await buildRust('fixture-foreign', { ...DECLARED, 'Cargo.toml': MANIFEST, ...files })
  expect(report.failure).toMatchObject({ class: 'package', cause: 'foreign-crates' })
  expect(registry.asked).toEqual([])
})

test('a package that says it is built with Rust waits for a builder that has some', async () => {
  const sdist = await customSdist('fixture-poor', '', { ...DECLARED, 'Cargo.toml': MANIFEST })
  const report = await buildFixture(kit, 'fixture-poor', sdist)
  expect(report.failure).toMatchObject({
    class: 'missing-dependency',
    cause: 'missing-rust',
    missing: 'cargo'
  })
})

test('of this machine’s cargo configuration only the place of crates gets into a sandbox', async () => {
  const config = await readCargoConfig(registry.machine)
  expect(config).toContain('replace-with')
  expect(config).not.toMatch(/secret|token|false/)
})

test('a folder without a toolchain, and one that the build user cannot enter, are told apart', async () => {
  expect(await findRust('/nowhere', kit.host)).toMatchObject({ reason: 'there is no /nowhere/bin/cargo' })
  expect(rust).toMatchObject({ tools: { bin: '/rust/bin', rustc: 'rustc 9.9.9 (fixture)' } })
})
