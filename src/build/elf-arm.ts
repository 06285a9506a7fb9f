import type { ElfView } from './elf-view.ts'

const EM_ARM = 40
const SHT_ARM_ATTRIBUTES = 0x70000003
const MAX_SECTIONS = 10_000
/** Attributes of one file; compilers write some 20. */
const MAX_ATTRIBUTES = 1_000

const TAG_FILE = 1
const TAG_CPU_ARCH = 6
const TAG_THUMB_ISA_USE = 9
const TAG_FP_ARCH = 10
const TAG_ADVANCED_SIMD_ARCH = 12
const TAG_ABI_VFP_ARGS = 28
/** Attributes whose value is text; 32 is a number and a text. Odd ones above 32 are text too (AAELF, "build attributes"). */
const TAG_CPU_RAW_NAME = 4
const TAG_CPU_NAME = 5
const TAG_COMPATIBILITY = 32

/** What ARM code asks of its processor; an attribute that a file leaves out is 0. */
export interface ArmAttributes {
  /** `Tag_CPU_arch`: 6 v6, 7 v6KZ, 8 v6T2, 9 v6K, 10 v7, 14 v8-A; between them are microcontrollers. */
  readonly cpu: number
  /** `Tag_THUMB_ISA_use`: 1 Thumb, 2 Thumb-2. */
  readonly thumb: number
  /** `Tag_FP_arch`: 1 and 2 VFPv1 and VFPv2, above that VFPv3 and later. */
  readonly fp: number
  /** `Tag_Advanced_SIMD_arch`: not 0 with NEON. */
  readonly simd: number
  /** `Tag_ABI_VFP_args`: 1 numbers are passed in floating point registers, 3 it does not matter. */
  readonly vfpArgs: number
}

/**
 * What an ARM file says of the processors that its code was compiled for. Undefined where it is not ARM or does not name
 * a processor. Throws a RangeError when the tables lead nowhere. Spec: Addenda to the ABI for the Arm architecture, section 3.
 */
export function readArmAttributes(view: ElfView): ArmAttributes | undefined {
  if (view.u16(18) !== EM_ARM) return undefined
  const start = view.word(view.wide ? 40 : 32)
  const size = view.u16(view.wide ? 58 : 46)
  const count = view.u16(view.wide ? 60 : 48)
  if (start === 0 || count > MAX_SECTIONS) return undefined
  for (let i = 0; i < count; i++) {
    const at = start + i * size
    if (view.u32(at + 4) !== SHT_ARM_ATTRIBUTES) continue
    const offset = view.word(at + (view.wide ? 24 : 16))
    return readVendors(view, offset + 1, offset + view.word(at + (view.wide ? 32 : 20)))
  }
  return undefined
}

/** Sub-sections by vendor: length, vendor's name, then blocks of tag, length, attributes. */
function readVendors(view: ElfView, start: number, end: number): ArmAttributes | undefined {
  let at = start
  for (let i = 0; i < MAX_ATTRIBUTES && at < end; i++) {
    const length = view.u32(at)
    const vendor = view.text(at + 4)
    if (vendor === 'aeabi') return readBlocks(view, at + 4 + vendor.length + 1, at + length)
    at += Math.max(length, 4)
  }
  return undefined
}

function readBlocks(view: ElfView, start: number, end: number): ArmAttributes | undefined {
  let at = start
  for (let i = 0; i < MAX_ATTRIBUTES && at < end; i++) {
    const length = view.u32(at + 1)
    if (view.u8(at) === TAG_FILE) return readFileBlock(view, at + 5, at + length)
    at += Math.max(length, 5)
  }
  return undefined
}

function readFileBlock(view: ElfView, start: number, end: number): ArmAttributes | undefined {
  const values = new Map<number, number>()
  let at = start
  for (let i = 0; i < MAX_ATTRIBUTES && at < end; i++) {
    const tag = uleb(view, at)
    if (isText(tag.value)) {
      at = afterText(view, tag.next)
      continue
    }
    const value = uleb(view, tag.next)
    values.set(tag.value, value.value)
    at = tag.value === TAG_COMPATIBILITY ? afterText(view, value.next) : value.next
  }
  const cpu = values.get(TAG_CPU_ARCH)
  const of = (tag: number): number => values.get(tag) ?? 0
  return cpu === undefined
    ? undefined
    : {
        cpu,
        thumb: of(TAG_THUMB_ISA_USE),
        fp: of(TAG_FP_ARCH),
        simd: of(TAG_ADVANCED_SIMD_ARCH),
        vfpArgs: of(TAG_ABI_VFP_ARGS)
      }
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
