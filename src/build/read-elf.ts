import { readArmAttributes, type ArmAttributes } from './elf-arm.ts'
import { ElfView } from './elf-view.ts'

/** What the dynamic loader will want of a file. Spec: System V gABI, chapters 4 and 5; symbol versions: LSB 3.1. */
export interface ElfFacts {
  readonly wide: boolean
  readonly littleEndian: boolean
  /** 1 object, 2 program, 3 shared library, 4 core. */
  readonly type: number
  readonly machine: number
  readonly flags: number
  readonly needed: readonly string[]
  readonly soname: string
  /** RPATH and RUNPATH, split at the colons. */
  readonly searchPaths: readonly string[]
  /** Symbol versions wanted, by the library they are wanted of. */
  readonly versions: ReadonlyMap<string, readonly string[]>
  /** Of ARM code that names its processor. */
  readonly arm?: ArmAttributes
}

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

const MAX_SEGMENTS = 1_000
const MAX_DYNAMIC_ENTRIES = 20_000
const MAX_VERSIONS = 20_000

const PT_LOAD = 1
const PT_DYNAMIC = 2
const DT_NEEDED = 1
const DT_STRTAB = 5
const DT_SONAME = 14
const DT_RPATH = 15
const DT_RUNPATH = 29
const DT_VERNEED = 0x6ffffffe
const DT_VERNEEDNUM = 0x6fffffff

export function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46
}

/** Undefined for what is no ELF, and for one whose tables lead nowhere: bytes of strangers, nothing is taken on trust. */
export function readElf(bytes: Uint8Array): ElfFacts | undefined {
  if (!isElf(bytes) || !isKnownFormat(bytes)) return undefined
  try {
    return readTables(bytes)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function isKnownFormat(bytes: Uint8Array): boolean {
  return (bytes[4] === 1 || bytes[4] === 2) && (bytes[5] === 1 || bytes[5] === 2)
}

function readTables(bytes: Uint8Array): ElfFacts {
  const format = { wide: bytes[4] === 2, littleEndian: bytes[5] === 1 }
  const view = new ElfView(bytes, format)
  const segments = readSegments(view)
  const arm = readArmAttributes(view)
  return {
    ...format,
    type: view.u16(16),
    machine: view.u16(18),
    flags: view.u32(view.wide ? 48 : 36),
    ...readDynamic(view, segments),
    ...(arm !== undefined && { arm })
  }
}

function readSegments(view: ElfView): readonly Segment[] {
  const start = view.word(view.wide ? 32 : 28)
  const size = view.u16(view.wide ? 54 : 42)
  const count = view.u16(view.wide ? 56 : 44)
  if (count > MAX_SEGMENTS) throw new RangeError('too many segments')
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * size
    const [offset, address, length] = view.wide ? [8, 16, 32] : [4, 8, 16]
    return {
      type: view.u32(at),
      offset: view.word(at + offset),
      address: view.word(at + address),
      size: view.word(at + length)
    }
  })
}

type Dynamic = Pick<ElfFacts, 'needed' | 'soname' | 'searchPaths' | 'versions'>

function readDynamic(view: ElfView, segments: readonly Segment[]): Dynamic {
  const entries = dynamicEntries(view, segments)
  const valuesOf = (tag: number): readonly number[] =>
    entries.filter((entry) => entry.tag === tag).map(({ value }) => value)
  const [table] = valuesOf(DT_STRTAB)
  if (table === undefined) return { needed: [], soname: '', searchPaths: [], versions: new Map() }
  const strings = offsetOf(segments, table)
  const textsOf = (tag: number): readonly string[] => valuesOf(tag).map((value) => view.text(strings + value))
  return {
    needed: textsOf(DT_NEEDED),
    soname: textsOf(DT_SONAME)[0] ?? '',
    searchPaths: [...textsOf(DT_RPATH), ...textsOf(DT_RUNPATH)].flatMap((paths) => paths.split(':')),
    versions: readVersions(view, strings, {
      start: valuesOf(DT_VERNEED).map((address) => offsetOf(segments, address))[0],
      count: valuesOf(DT_VERNEEDNUM)[0] ?? 0
    })
  }
}

function dynamicEntries(view: ElfView, segments: readonly Segment[]): { tag: number; value: number }[] {
  const segment = segments.find(({ type }) => type === PT_DYNAMIC)
  const entries: { tag: number; value: number }[] = []
  if (segment === undefined) return entries
  const half = view.wide ? 8 : 4
  for (let at = segment.offset; at + 2 * half <= segment.offset + segment.size; at += 2 * half) {
    const tag = view.word(at)
    if (tag === 0) break
    if (entries.length >= MAX_DYNAMIC_ENTRIES) throw new RangeError('too many dynamic entries')
    entries.push({ tag, value: view.word(at + half) })
  }
  return entries
}

/** Where the loader finds an address in the file. */
function offsetOf(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size
  )
  if (home === undefined) throw new RangeError('address outside of every segment')
  return address - home.address + home.offset
}

/** The verneed table: libraries, and for each a chain of versions. Both chains are linked by relative offsets. */
function readVersions(
  view: ElfView,
  strings: number,
  table: { readonly start: number | undefined; readonly count: number }
): ReadonlyMap<string, readonly string[]> {
  const versions = new Map<string, string[]>()
  let budget = MAX_VERSIONS
  let at = table.start ?? 0
  for (let i = 0; table.start !== undefined && i < table.count; i++) {
    const library = view.text(strings + view.u32(at + 4))
    const found = versions.get(library) ?? []
    versions.set(library, found)
    let aux = at + view.u32(at + 8)
    for (let j = view.u16(at + 2); j > 0; j--) {
      if (--budget < 0) throw new RangeError('too many versions')
      found.push(view.text(strings + view.u32(aux + 8)))
      aux += view.u32(aux + 12)
    }
    const next = view.u32(at + 12)
    if (next === 0 || --budget < 0) break
    at += next
  }
  return versions
}
