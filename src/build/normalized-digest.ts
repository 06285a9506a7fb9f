import { sha256Hex } from '../core/digest.ts'
import type { Sha256 } from '../core/ids.ts'
import type { WheelArchive, WheelMember } from './wheel-archive.ts'

/** Raised when the text below changes. */
const FORM = 'commonwheel-normalized-1'
const FILE_TYPE = 0o170000
const REGULAR_FILE = 0o100000
const ANY_EXECUTE = 0o111
/** Says again what the others are, in an order of its builder's own; and signatures of it. PEP 427. */
const DERIVED = /^[^/]+\.dist-info\/RECORD(?:\.jws|\.p7s)?$/

/**
 * SHA-256 over what a wheel unpacks to: a line `<sha256> <x or -> <name>` for each file, in the byte order of the names. Equal for two
 * wheels that differ only in the order, times, compression or extra fields of their archives. RECORD is left out: it adds nothing,
 * and its rows may stand in any order. Of modes only the right to execute counts, as for an installer.
 */
export function normalizedDigest(archive: WheelArchive, digests: ReadonlyMap<string, Sha256>): Sha256 {
  const names = [...archive.members.keys()]
    .filter((name) => !DERIVED.test(name))
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
  const lines = names.map(({ name }) => {
    const member = archive.members.get(name)
    return `${digests.get(name) ?? ''} ${member !== undefined && isExecutable(member) ? 'x' : '-'} ${name}\n`
  })
  return sha256Hex(`${FORM}\n${lines.join('')}`)
}

/** By pip's rule. */
export function isExecutable({ packed }: WheelMember): boolean {
  const mode = packed.attributes >>> 16
  return (mode & FILE_TYPE) === REGULAR_FILE && (mode & ANY_EXECUTE) !== 0
}
