import { createHash } from 'node:crypto'
import type { Sha256 } from '../core/ids.ts'
import { isElf, readElf, type ElfFacts } from './read-elf.ts'
import type { WheelArchive, WheelMember } from './wheel-archive.ts'
import { refuse } from './wheel-refusal.ts'

export interface WheelScan {
  readonly digests: ReadonlyMap<string, Sha256>
  /** Compiled code by member. */
  readonly elfs: ReadonlyMap<string, ElfFacts>
}

/** Held in memory while its tables are read: a library of this size is beyond what a Pi links. */
const MAX_ELF_BYTES = 256 * 1024 * 1024
const MAGIC_BYTES = 4

/** One pass over all members: what RECORD must say of them, and which of them are compiled code. */
export async function scanWheel(archive: WheelArchive): Promise<WheelScan> {
  const digests = new Map<string, Sha256>()
  const elfs = new Map<string, ElfFacts>()
  for (const member of archive.members.values()) {
    const { digest, code } = await scanMember(member)
    digests.set(member.name, digest)
    if (code === undefined) continue
    elfs.set(member.name, readElf(code) ?? refuse('malformed-elf', `${member.name} cannot be read`))
  }
  return { digests, elfs }
}

/** The whole of one small member. */
export async function readMemberBytes(member: WheelMember, maxBytes: number): Promise<Uint8Array> {
  if (member.size > maxBytes) refuse('archive-too-large', `${member.name} has ${member.size} bytes`)
  const parts: Uint8Array[] = []
  for await (const chunk of member.chunks()) parts.push(chunk)
  return Buffer.concat(parts)
}

async function scanMember(member: WheelMember): Promise<{ digest: Sha256; code?: Uint8Array }> {
  const hash = createHash('sha256')
  const kept: Uint8Array[] = []
  let keptBytes = 0
  let wanted = true
  for await (const chunk of member.chunks()) {
    hash.update(chunk)
    if (!wanted) continue
    kept.push(chunk)
    keptBytes += chunk.byteLength
    if (keptBytes >= MAGIC_BYTES && keptBytes - chunk.byteLength < MAGIC_BYTES) {
      wanted = isElf(Buffer.concat(kept))
      if (!wanted) kept.length = 0
      else if (member.size > MAX_ELF_BYTES)
        refuse('archive-too-large', `${member.name} has ${member.size} bytes`)
    }
  }
  const digest = hash.digest('hex') as Sha256
  return wanted && keptBytes >= MAGIC_BYTES ? { digest, code: Buffer.concat(kept) } : { digest }
}
