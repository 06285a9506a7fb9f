import { ElfView } from './elf-view.ts'
import { isElf } from './read-elf.ts'

/** One part of compiled code, by the name that compilers and linkers give it. */
export interface ElfSection {
  readonly name: string
  /** Empty for what takes no room in the file. */
  readonly bytes: Uint8Array
}

const MAX_SECTIONS = 10_000
const SHT_NOBITS = 8

/** The sections of an ELF file, undefined when its table leads nowhere. Spec: System V gABI, chapter 4. */
export function readSections(bytes: Uint8Array): readonly ElfSection[] | undefined {
  if (!isElf(bytes)) return undefined
  try {
    const view = new ElfView(bytes, { wide: bytes[4] === 2, littleEndian: bytes[5] === 1 })
    const headers = readHeaders(view)
    const names = headers[view.u16(view.wide ? 62 : 50)]
    return headers.map(({ name, type, offset, size }) => ({
      name: names === undefined ? '' : view.text(names.offset + name),
      bytes: type === SHT_NOBITS ? new Uint8Array() : bytes.subarray(offset, offset + size)
    }))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

interface SectionHeader {
  readonly name: number
  readonly type: number
  readonly offset: number
  readonly size: number
}

function readHeaders(view: ElfView): readonly SectionHeader[] {
  const start = view.word(view.wide ? 40 : 32)
  const length = view.u16(view.wide ? 58 : 46)
  const count = view.u16(view.wide ? 60 : 48)
  if (count > MAX_SECTIONS) throw new RangeError('too many sections')
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * length
    return {
      name: view.u32(at),
      type: view.u32(at + 4),
      offset: view.word(at + (view.wide ? 24 : 16)),
      size: view.word(at + (view.wide ? 32 : 20))
    }
  })
}
