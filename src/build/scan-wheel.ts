import { createHash } from 'node:crypto'
import type { Sha256 } from '../core/ids.ts'
import { isElf, readElf, type ElfFacts } from './read-elf.ts'
import type { WheelArchive, WheelMember } from './wheel-archive.ts'
import { refuse } from './wheel-refusal.ts'

export interface WheelScan {
  readonly digests: ReadonlyMap<string, Sha256>
  /** Compiled code by member. */
  readonly elfs: ReadonlyMap<string, ElfFacts>
  /** Members that are libraries for a linker, whose code is not read. */
  readonly staticLibraries: readonly string[]
}

/** Held in memory while its tables are read: a library of this size is beyond what a Pi links. */
const MAX_ELF_BYTES = 256 * 1024 * 1024
const MAGIC_BYTES = 8
/** `ar` archives, ordinary and thin. */
const AR_MAGIC = /^!<(?:arch|thin)>\n/

/** One pass over all members: what RECORD must say of them, and which of them are compiled code. */
export async function scanWheel(archive: WheelArchive): Promise<WheelScan> {
  const digests = new Map<string, Sha256>()
  const elfs = new Map<string, ElfFacts>()
  const staticLibraries: string[] = []
  for (const member of archive.members.values()) {
    const { digest, head, code } = await scanMember(member)
    digests.set(member.name, digest)
    if (AR_MAGIC.test(head.toString('latin1'))) staticLibraries.push(member.name)
    if (code === undefined) continue
    elfs.set(member.name, readElf(code) ?? refuse('malformed-elf', `${member.name} cannot be read`))
  }
  return { digests, elfs, staticLibraries }
}

/** The whole of one small member. */
export async function readMemberBytes(member: WheelMember, maxBytes: number): Promise<Uint8Array> {
  if (member.size > maxBytes) refuse('archive-too-large', `${member.name} has ${member.size} bytes`)
  const parts: Uint8Array[] = []
  for await (const chunk of member.chunks()) parts.push(chunk)
  return Buffer.concat(parts)
}

interface ScannedMember {
  readonly digest: Sha256
  /** Its first {@link MAGIC_BYTES}. */
  readonly head: Buffer
  /** All of it, when it is compiled code. */
  readonly code?: Uint8Array
}

async function scanMember(member: WheelMember): Promise<ScannedMember> {
  const hash = createHash('sha256')
  const kept: Uint8Array[] = []
  let head = Buffer.alloc(0)
  for await (const chunk of member.chunks()) {
    hash.update(chunk)
    const isHeadKnown = head.byteLength >= MAGIC_BYTES
    if (!isHeadKnown) head = Buffer.concat([head, chunk]).subarray(0, MAGIC_BYTES)
    if (isHeadKnown && !isElf(head)) continue
    if (isElf(head) && member.size > MAX_ELF_BYTES)
      refuse('archive-too-large', `${member.name} has ${member.size} bytes`)
    kept.push(chunk)
  }
  const digest = hash.digest('hex') as Sha256
  return isElf(head) ? { digest, head, code: Buffer.concat(kept) } : { digest, head }
}
