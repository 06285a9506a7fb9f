import type { ElfView } from './elf-view.ts'

const EM_ARM = 40
const SHT_ARM_ATTRIBUTES = 0x70000003
const MAX_SECTIONS = 10_000
/** Attributes of one file; compilers write some 20. */
const MAX_ATTRIBUTES = 1_000

const TAG_FILE = 1
const TAG_CPU_ARCH = 6
/** Attributes whose value is text; 32 is a number and a text. Odd ones above 32 are text too (AAELF, "build attributes"). */
const TAG_CPU_RAW_NAME = 4
const TAG_CPU_NAME = 5
const TAG_COMPATIBILITY = 32

/**
 * `Tag_CPU_arch` of an ARM file: which processors its code was compiled for. Undefined where it is not ARM or does not
 * say. Throws a RangeError when the tables lead nowhere. Spec: Addenda to the ABI for the Arm architecture, section 3.
 */
export function readArmCpu(view: ElfView): number | undefined {
  if (view.u16(18) !== EM_ARM) return undefined
  const start = view.word(view.wide ? 40 : 32)
  const size = view.u16(view.wide ? 58 : 46)
  const count = view.u16(view.wide ? 60 : 48)
  if (start === 0 || count > MAX_SECTIONS) return undefined
  for (let i = 0; i < count; i++) {
    const at = start + i * size
    if (view.u32(at + 4) !== SHT_ARM_ATTRIBUTES) continue
    const offset = view.word(at + (view.wide ? 24 : 16))
    return readAttributes(view, offset + 1, offset + view.word(at + (view.wide ? 32 : 20)))
  }
  return undefined
}

/** Sub-sections by vendor: length, vendor's name, then blocks of tag, length, attributes. */
function readAttributes(view: ElfView, start: number, end: number): number | undefined {
  let at = start
  for (let i = 0; i < MAX_ATTRIBUTES && at < end; i++) {
    const length = view.u32(at)
    const vendor = view.text(at + 4)
    if (vendor === 'aeabi') return readBlocks(view, at + 4 + vendor.length + 1, at + length)
    at += Math.max(length, 4)
  }
  return undefined
}

function readBlocks(view: ElfView, start: number, end: number): number | undefined {
  let at = start
  for (let i = 0; i < MAX_ATTRIBUTES && at < end; i++) {
    const length = view.u32(at + 1)
    if (view.u8(at) === TAG_FILE) return findCpuArch(view, at + 5, at + length)
    at += Math.max(length, 5)
  }
  return undefined
}

function findCpuArch(view: ElfView, start: number, end: number): number | undefined {
  let at = start
  for (let i = 0; i < MAX_ATTRIBUTES && at < end; i++) {
    const tag = uleb(view, at)
    const value = uleb(view, tag.next)
    if (tag.value === TAG_CPU_ARCH) return value.value
    if (tag.value === TAG_COMPATIBILITY) at = afterText(view, value.next)
    else at = isText(tag.value) ? afterText(view, tag.next) : value.next
  }
  return undefined
}

function isText(tag: number): boolean {
  return tag === TAG_CPU_RAW_NAME || tag === TAG_CPU_NAME || (tag > TAG_COMPATIBILITY && tag % 2 === 1)
}

function afterText(view: ElfView, at: number): number {
  return at + view.text(at).length + 1
}

/** A number in base 128, low digits first; more than 4 digits are no number of ours. */
function uleb(view: ElfView, start: number): { readonly value: number; readonly next: number } {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = view.u8(start + i)
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { value, next: start + i + 1 }
  }
  throw new RangeError('number too large')
}
