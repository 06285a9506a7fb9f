import { sha256Hex } from '../../src/core/digest.ts'
import { BREAKING_CODE, TRYING_CODE, WHEEL_CODE } from '../../test/fixtures/hostile-code.ts'
import { makeSdist, type SdistMember } from '../../test/fixtures/make-sdist.ts'
import { makeZip } from '../../test/fixtures/make-zip.ts'
import { fixtureSdist, sdistWithCode, type FixtureSdist, type SdistKind } from '../../test/fixtures/sdists.ts'
import type { KitBuild } from '../../test/support/build-kit.ts'

/** What a thief is told to go for, made by the yard. */
export interface Bait {
  readonly paths: readonly string[]
  readonly ports: readonly number[]
  readonly abstract: readonly string[]
}

export interface HostileCase {
  readonly id: string
  readonly sdist: (name: string, bait: Bait) => Promise<FixtureSdist>
  readonly build?: KitBuild
  /** `class/cause` of its failure, or `built`. */
  readonly expected: string
  /** It says in its log what it tries: so many tries at the least, none with success. */
  readonly tries?: number
}

const MiB = 1024 * 1024

/** Small bounds: what is refused does not depend on how much there is of it. */
const UNPACKING: KitBuild = { unpackBounds: { maxBytes: 16 * MiB, maxMembers: 2_000 } }

const trying: readonly HostileCase[] = [
  { id: 'kernel-corners', sdist: coded(TRYING_CODE['kernel-corners']), expected: 'built', tries: 35 },
  { id: 'thief', sdist: coded(TRYING_CODE.thief), expected: 'built', tries: 50 },
  { id: 'tmp-filler', sdist: coded(BREAKING_CODE['tmp-filler']), expected: 'built', tries: 2 }
]

const breaking: readonly HostileCase[] = [
  kind('forker', 'resource/process-limit', { limits: { processes: 20, memoryBytes: 2048 * MiB } }),
  { id: 'fork-daemons', sdist: coded(BREAKING_CODE['fork-daemons']), expected: 'built' },
  kind('memory-hog', 'resource/out-of-memory'),
  kind('memory-herd', 'resource/out-of-memory'),
  breaker('shared-memory', 'resource/out-of-memory'),
  kind('disk-filler', 'resource/disk-limit', { limits: { diskBytes: 16 * MiB } }),
  breaker('small-files', 'resource/disk-limit', { limits: { diskBytes: 16 * MiB } }),
  kind('flood', 'package/log-limit', {
    logBounds: { maxBytes: 256 * 1024, headBytes: 4096, tailBytes: 4096 }
  }),
  kind('hanging', 'package/silence', { limits: { silenceMs: 1_500 } }),
  kind('busy', 'resource/timeout', { limits: { wallMs: 4_000 } }),
  breaker('stubborn', 'resource/timeout', { limits: { wallMs: 4_000 } }),
  breaker('slow-writer', 'resource/timeout', { limits: { wallMs: 4_000, silenceMs: 1_500 } }),
  kind('prompter', 'package/wants-input'),
  kind('odd-modes', 'built'),
  breaker('deep-tree', 'built'),
  breaker('log-faker', 'package/build-failed'),
  kind('home-writer', 'built'),
  kind('hostile-requires', 'package/bad-requirement')
]

const wheels: readonly HostileCase[] = [
  // pip itself cannot write through these; what it can is refused by the collector, as symlink-out
  wheel('link-to-key', 'package/build-failed'),
  wheel('fifo-wheel', 'package/build-failed'),
  wheel('folder-wheel', 'package/build-failed'),
  kind('symlink-out', 'package/hostile-output'),
  kind('hardlink-out', 'package/hostile-output'),
  kind('folder-out', 'package/hostile-output'),
  kind('two-wheels', 'package/several-wheels'),
  wheel('other-project', 'package/wrong-project'),
  wheel('wrong-record', 'package/record-mismatch'),
  wheel('wrong-tags', 'package/unsupported-tags'),
  wheel('traversing-wheel', 'package/unsafe-member'),
  wheel('link-in-wheel', 'package/unsafe-member'),
  wheel('bomb-wheel', 'package/archive-bomb'),
  wheel('endless-wheel', 'resource/disk-limit'),
  wheel('large-wheel', 'resource/wheel-too-large', { maxWheelBytes: 4 * MiB })
]

const link = (linkname: string): SdistMember => ({ type: 'symlink', linkname })
const zeros = Buffer.alloc(24 * MiB)

const ODD_NAMES = {
  'caf\u00e9\u0301': 'x',
  'line\nbreak': 'x',
  '\u202egnp.exe': 'x',
  '-rf': 'x',
  '$(reboot)': 'x',
  'bell\u0007': 'x',
  'latin-\ufffd': 'x'
}

const archives: readonly HostileCase[] = [
  packed('gzip-bomb', { 'a-1/zeros': zeros }),
  packed('many-members', Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`a-1/${i}`, '']))),
  packed('link-out', { 'a-1/l': link('../../../../etc') }),
  packed('absolute-link', { 'a-1/l': link('/etc/passwd') }),
  packed('file-through-link', { 'a-1/l': link('d'), 'a-1/l/f': 'x', 'a-1/d/f': 'y' }),
  packed('hard-link-out', { 'a-1/l': { type: 'link', linkname: '../../etc/passwd' } }),
  packed('hard-link-absolute', { 'a-1/l': { type: 'link', linkname: '/etc/passwd' } }),
  packed('device', { 'a-1/sda': { type: 'block-device', devmajor: 8, devminor: 0 } }),
  packed('null-device', { 'a-1/null': { type: 'character-device', devmajor: 1, devminor: 3 } }),
  packed('fifo', { 'a-1/fifo': { type: 'fifo' } }),
  packed('thousand-deep', { [`a-1/${'d/'.repeat(2_500)}f`]: 'x' }),
  packed('long-name', { [`a-1/${'n'.repeat(300)}`]: 'x' }),
  packed('absolute-name', { '/tmp/cw-evil': 'x' }),
  packed('upward-name', { 'a-1/ok': '', 'a-1/../../evil': 'x' }),
  packed('two-tops', { 'a-1/f': '', 'b-1/f': '' }),
  archive('no-archive', '.tar.gz', () => Buffer.from('<html>not found</html>')),
  archive('zip-upward', '.zip', () => makeZip({ 'a-1/f': '', 'a-1/../../evil': 'x' })),
  archive('zip-many-members', '.zip', () =>
    makeZip(Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`a-1/${i}`, ''])))
  ),
  { ...oddNames('odd-names'), expected: 'built' },
  { ...oddNames('nested-bomb', { 'data.zip': makeZip({ zeros: 'x'.repeat(MiB) }) }), expected: 'built' }
]

export const HOSTILE_CASES: readonly HostileCase[] = [...trying, ...breaking, ...wheels, ...archives]

function coded(code: string): HostileCase['sdist'] {
  return async (name, bait) => sdistWithCode(code, { name, ...bait })
}

function kind(id: SdistKind, expected: string, build: KitBuild = {}): HostileCase {
  return { id, sdist: async (name) => fixtureSdist(id, { name }), expected, build }
}

function breaker(id: keyof typeof BREAKING_CODE, expected: string, build: KitBuild = {}): HostileCase {
  return { id, sdist: coded(BREAKING_CODE[id]), expected, build }
}

function wheel(id: keyof typeof WHEEL_CODE, expected: string, build: KitBuild = {}): HostileCase {
  return { id, sdist: coded(WHEEL_CODE[id]), expected, build }
}

function packed(id: string, members: Readonly<Record<string, SdistMember>>): HostileCase {
  return {
    id,
    sdist: async (name) => named(`${name}-1.0.tar.gz`, await makeSdist(members)),
    expected: 'package/bad-sdist',
    build: UNPACKING
  }
}

function archive(id: string, extension: string, bytes: () => Uint8Array): HostileCase {
  return {
    id,
    sdist: async (name) => named(`${name}-1.0${extension}`, bytes()),
    expected: 'package/bad-sdist',
    build: UNPACKING
  }
}

/** A good sdist with more in it: names that are legal and rare. */
function oddNames(id: string, more: Readonly<Record<string, SdistMember>> = ODD_NAMES): HostileCase {
  const sdist = async (name: string): Promise<FixtureSdist> => {
    const top = `${name.replaceAll('-', '_')}-1.0`
    const code = await fixtureSdist('pure', { name })
    const inside = Object.fromEntries(
      Object.entries(more).map(([path, content]) => [`${top}/${path}`, content])
    )
    return named(code.filename, await makeSdist({ ...(await membersOf(code)), ...inside }))
  }
  return { id, sdist, expected: 'built', build: UNPACKING }
}

async function membersOf(sdist: FixtureSdist): Promise<Record<string, SdistMember>> {
  const { extract } = await import('tar-stream')
  const { gunzipSync } = await import('node:zlib')
  const reader = extract()
  reader.end(gunzipSync(sdist.bytes))
  const members: Record<string, SdistMember> = {}
  for await (const entry of reader) {
    const chunks: Buffer[] = []
    for await (const chunk of entry as unknown as AsyncIterable<Buffer>) chunks.push(chunk)
    members[entry.header.name] = Buffer.concat(chunks)
  }
  return members
}

function named(filename: string, bytes: Uint8Array): FixtureSdist {
  return { filename, bytes, sha256: sha256Hex(bytes) }
}
