import type { ArmAttributes } from '../../src/build/elf-arm.ts'

export interface ElfPlan {
  /** `e_machine`; 183 (AArch64) unless said. */
  readonly machine?: number
  readonly wide?: boolean
  readonly type?: number
  readonly flags?: number
  readonly needed?: readonly string[]
  readonly soname?: string
  readonly runpath?: string
  /** Versions wanted, by library. */
  readonly versions?: Readonly<Record<string, readonly string[]>>
  /** ARM attributes, but for those that are not there. */
  readonly arm?: Partial<ArmAttributes>
}

/** Sizes and offsets of the header's fields in the two word sizes. */
const WIDE = {
  half: 8,
  header: 64,
  segment: 56,
  section: 64,
  phoff: 32,
  shoff: 40,
  flags: 48,
  sizes: 54,
  p: [8, 16, 32],
  s: [24, 32]
}
const NARROW = {
  half: 4,
  header: 52,
  segment: 32,
  section: 40,
  phoff: 28,
  shoff: 32,
  flags: 36,
  sizes: 42,
  p: [4, 8, 16],
  s: [16, 20]
}

const DEFAULTS = {
  machine: 183,
  wide: true,
  type: 3,
  flags: 0,
  needed: [] as readonly string[],
  versions: {} as Readonly<Record<string, readonly string[]>>
}

/** A shared library without any code, with the tables that a loader reads. */
export function makeElf(plan: ElfPlan = {}): Buffer {
  const full = { ...DEFAULTS, ...plan }
  const layout = full.wide ? WIDE : NARROW
  const strings = new StringTable()
  const dynamic: [number, number][] = full.needed.map((name) => [1, strings.add(name)])
  if (full.soname !== undefined) dynamic.push([14, strings.add(full.soname)])
  if (full.runpath !== undefined) dynamic.push([29, strings.add(full.runpath)])
  const verneed = versionTable(Object.entries(full.versions), strings)
  const attributes = full.arm === undefined ? Buffer.alloc(0) : armAttributes(full.arm)

  const dynamicAt = layout.header + 2 * layout.segment
  const dynamicSize = (dynamic.length + 4) * 2 * layout.half
  const stringsAt = dynamicAt + dynamicSize
  const verneedAt = stringsAt + strings.bytes().length
  const attributesAt = verneedAt + verneed.length
  const sectionsAt = attributesAt + attributes.length
  const out = Buffer.alloc(sectionsAt + layout.section)
  const writer = new Writer(out, full.wide)
  dynamic.push([5, stringsAt])
  if (verneed.length > 0)
    dynamic.push([0x6ffffffe, verneedAt], [0x6fffffff, Object.keys(full.versions).length])

  out.set([0x7f, 0x45, 0x4c, 0x46, full.wide ? 2 : 1, 1, 1])
  out.writeUInt16LE(full.type, 16)
  out.writeUInt16LE(full.machine, 18)
  writer.words([layout.phoff, layout.header], [layout.shoff, sectionsAt])
  out.writeUInt32LE(full.flags, layout.flags)
  const sizes = [layout.segment, 2, layout.section, attributes.length > 0 ? 1 : 0]
  for (const [i, size] of sizes.entries()) out.writeUInt16LE(size, layout.sizes + 2 * i)

  writer.table(layout.header, { type: 1, fields: layout.p, values: [0, 0, out.length] })
  const dynamicFields = { type: 2, fields: layout.p, values: [dynamicAt, dynamicAt, dynamicSize] }
  writer.table(layout.header + layout.segment, dynamicFields)
  const pairs = dynamic.flat().map((value, i): [number, number] => [dynamicAt + i * layout.half, value])
  writer.words(...pairs)
  strings.bytes().copy(out, stringsAt)
  verneed.copy(out, verneedAt)
  attributes.copy(out, attributesAt)
  out.writeUInt32LE(0x70000003, sectionsAt + 4)
  writer.table(sectionsAt, { type: 0, fields: layout.s, values: [attributesAt, attributes.length] })
  return out
}

class Writer {
  readonly #out: Buffer
  readonly #wide: boolean

  constructor(out: Buffer, wide: boolean) {
    this.#out = out
    this.#wide = wide
  }

  words(...pairs: readonly (readonly [at: number, value: number])[]): void {
    for (const [at, value] of pairs) {
      if (this.#wide) this.#out.writeBigUInt64LE(BigInt(value), at)
      else this.#out.writeUInt32LE(value, at)
    }
  }

  /** A program or section header: its type, then words at the given distances. */
  table(at: number, header: { type: number; fields: readonly number[]; values: readonly number[] }): void {
    this.#out.writeUInt32LE(header.type, at)
    this.words(...header.fields.map((field, i): [number, number] => [at + field, header.values[i] ?? 0]))
  }
}

class StringTable {
  #bytes = Buffer.from([0])

  add(text: string): number {
    const at = this.#bytes.length
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(`${text}\0`)])
    return at
  }

  bytes(): Buffer {
    return this.#bytes
  }
}

function versionTable(libraries: readonly [string, readonly string[]][], strings: StringTable): Buffer {
  return Buffer.concat(
    libraries.map(([library, versions], i) => {
      const head = Buffer.alloc(16)
      head.writeUInt16LE(1, 0)
      head.writeUInt16LE(versions.length, 2)
      head.writeUInt32LE(strings.add(library), 4)
      head.writeUInt32LE(16, 8)
      head.writeUInt32LE(i + 1 < libraries.length ? 16 + 16 * versions.length : 0, 12)
      const auxes = versions.map((version, j) => {
        const aux = Buffer.alloc(16)
        aux.writeUInt32LE(strings.add(version), 8)
        aux.writeUInt32LE(j + 1 < versions.length ? 16 : 0, 12)
        return aux
      })
      return Buffer.concat([head, ...auxes])
    })
  )
}

/** A CPU name, a compatibility pair, then what we look for. */
function armAttributes({ cpu, thumb, fp, simd, vfpArgs }: Partial<ArmAttributes>): Buffer {
  const pairs = [
    [10, fp],
    [6, cpu],
    [9, thumb],
    [12, simd],
    [28, vfpArgs]
  ] as const
  const values = Buffer.concat([
    Buffer.from([5]),
    Buffer.from('cortex\0'),
    Buffer.from([32, 1]),
    Buffer.from('gnu\0'),
    Buffer.from(pairs.flatMap(([tag, value]) => (value === undefined ? [] : [tag, value])))
  ])
  const block = Buffer.concat([Buffer.from([1]), sized(values.length + 5), values])
  const vendor = Buffer.from('aeabi\0')
  return Buffer.concat([Buffer.from('A'), sized(4 + vendor.length + block.length), vendor, block])
}

function sized(length: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(length)
  return out
}
