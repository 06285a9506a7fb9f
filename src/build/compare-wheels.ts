import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
import type { Sha256 } from '../core/ids.ts'
import { compareContents, type ContentDifference } from './compare-members.ts'
import { isExecutable, normalizedDigest } from './normalized-digest.ts'
import { readMemberBytes, scanWheel } from './scan-wheel.ts'
import { openWheel, type WheelArchive, type WheelMember } from './wheel-archive.ts'

/** What tells two wheels of one job apart. */
export interface WheelComparison {
  readonly equalBytes: boolean
  /** What they unpack to is the same. */
  readonly equalContents: boolean
  readonly published: WheelDigests
  readonly built: WheelDigests
  /** The first {@link MAX_DIFFERENCES} files that differ. */
  readonly members: readonly MemberDifference[]
  readonly differing: number
  /** How the archives themselves differ: the order of their members, their times, their compression. */
  readonly archive: readonly string[]
}

export interface WheelDigests {
  readonly sha256: Sha256
  readonly normalized: Sha256
}

export interface MemberDifference {
  readonly name: string
  readonly kind: 'only-published' | 'only-built' | 'mode' | 'content'
  readonly content?: ContentDifference
}

const MAX_DIFFERENCES = 50
/** A file that is larger is told by its name. */
const MAX_COMPARED_BYTES = 256 * 1024 * 1024

/** Compares two wheels, file by file. Throws a WheelRefusal when one is malformed. */
export async function compareWheels(publishedPath: string, builtPath: string): Promise<WheelComparison> {
  const published = await openWheel(publishedPath)
  try {
    const built = await openWheel(builtPath)
    try {
      const [ours, theirs] = [await describe(publishedPath, published), await describe(builtPath, built)]
      const differing = namesThatDiffer(ours, theirs)
      const members: MemberDifference[] = []
      for (const name of differing.slice(0, MAX_DIFFERENCES)) {
        members.push(await differenceOf(name, published.members.get(name), built.members.get(name)))
      }
      return {
        equalBytes: ours.sha256 === theirs.sha256,
        equalContents: ours.normalized === theirs.normalized,
        published: { sha256: ours.sha256, normalized: ours.normalized },
        built: { sha256: theirs.sha256, normalized: theirs.normalized },
        members,
        differing: differing.length,
        archive: archiveDifferences(published, built)
      }
    } finally {
      built.close()
    }
  } finally {
    published.close()
  }
}

interface Described extends WheelDigests {
  /** What is to be the same, by name. */
  readonly files: ReadonlyMap<string, string>
}

async function describe(path: string, archive: WheelArchive): Promise<Described> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  const { digests } = await scanWheel(archive)
  const files = [...archive.members].map(
    ([name, member]) => [name, `${digests.get(name) ?? ''} ${isExecutable(member) ? 'x' : '-'}`] as const
  )
  return {
    sha256: hash.digest('hex') as Sha256,
    normalized: normalizedDigest(archive, digests),
    files: new Map(files)
  }
}

function namesThatDiffer(published: Described, built: Described): readonly string[] {
  const names = new Set([...published.files.keys(), ...built.files.keys()])
  return [...names].filter((name) => published.files.get(name) !== built.files.get(name)).sort()
}

async function differenceOf(
  name: string,
  published: WheelMember | undefined,
  built: WheelMember | undefined
): Promise<MemberDifference> {
  if (built === undefined) return { name, kind: 'only-published' }
  if (published === undefined) return { name, kind: 'only-built' }
  if (Math.max(published.size, built.size) > MAX_COMPARED_BYTES) return { name, kind: 'content' }
  const [left, right] = [
    await readMemberBytes(published, MAX_COMPARED_BYTES),
    await readMemberBytes(built, MAX_COMPARED_BYTES)
  ]
  if (Buffer.from(left).equals(right)) return { name, kind: 'mode' }
  return { name, kind: 'content', content: compareContents(left, right) }
}

function archiveDifferences(published: WheelArchive, built: WheelArchive): readonly string[] {
  const both = [...published.members.values()].flatMap((member) => {
    const other = built.members.get(member.name)
    return other === undefined ? [] : [[member.packed, other.packed] as const]
  })
  const count = (what: string, differ: (pair: (typeof both)[number]) => boolean): readonly string[] => {
    const differing = both.filter(differ).length
    return differing === 0 ? [] : [`${what} of ${differing} of ${both.length} files`]
  }
  const isOrdered = [...published.members.keys()].join('\n') === [...built.members.keys()].join('\n')
  return [
    ...(isOrdered ? [] : ['the order of the files']),
    ...count('the time', ([a, b]) => a.modified !== b.modified),
    ...count('the attributes', ([a, b]) => a.attributes !== b.attributes || a.madeBy !== b.madeBy),
    ...count(
      'the compression',
      ([a, b]) => a.crc32 === b.crc32 && (a.method !== b.method || a.size !== b.size)
    )
  ]
}
