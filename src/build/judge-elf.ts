import { libcVersionOf, type Target } from '../core/target.ts'
import type { ElfFacts } from './read-elf.ts'
import { refuse } from './wheel-refusal.ts'

interface Machine {
  /** `e_machine`. */
  readonly code: number
  readonly wide: boolean
}

const EM_ARM = 40

/** All of them little-endian, as every Linux that Debian builds for them. */
const MACHINES: Readonly<Record<string, Machine>> = {
  linux_aarch64: { code: 183, wide: true },
  linux_armv6l: { code: EM_ARM, wide: false },
  linux_armv7l: { code: EM_ARM, wide: false },
  linux_i686: { code: 3, wide: false },
  linux_riscv64: { code: 243, wide: true },
  linux_x86_64: { code: 62, wide: true }
}

const PROGRAM = 2
const SHARED_LIBRARY = 3
/** EF_ARM_ABI_FLOAT_SOFT: every Pi's system has the hard-float ABI. */
const ARM_SOFT_FLOAT = 0x200
/** EF_ARM_ABI_FLOAT_HARD. */
const ARM_HARD_FLOAT = 0x400
/** `Tag_CPU_arch` of v6T2, whose Thumb-2 a Pi 1 or Zero (ARM1176, v6KZ) lacks; of v6K and v7, the newest for the two platforms. */
const ARM_V6T2 = 8
const ARM_V6K = 9
const ARM_V7 = 10
/** What an ARM1176 has: Thumb of the first kind, VFPv2, and no NEON. */
const THUMB_1 = 1
const VFP_V2 = 2
/** `Tag_ABI_VFP_args` of code that suits the hard-float ABI. */
const HARD_FLOAT_ARGS: readonly number[] = [1, 3]

/** Object files and cores are data: only what a loader can be asked for is judged. */
export function isLoadable(elf: ElfFacts): boolean {
  return elf.type === PROGRAM || elf.type === SHARED_LIBRARY
}

/** Refuses compiled code that cannot run on the target, or would take libraries from a place that others may write to. */
export function judgeElf(member: string, elf: ElfFacts, target: Target): void {
  checkMachine(member, elf, target)
  const foreign = elf.searchPaths.find((path) => !isOwnPath(path, member))
  if (foreign !== undefined) {
    refuse('foreign-library-path', `${member} looks for libraries in ${JSON.stringify(foreign)}`)
  }
  const [major, minor] = glibcFloorOf([elf])
  const [haveMajor, haveMinor] = libcVersionOf(target)
  if (target.libc.startsWith('glibc') && (major > haveMajor || (major === haveMajor && minor > haveMinor))) {
    refuse(
      'glibc-too-new',
      `${member} needs glibc ${major}.${minor}, ${target.id} has ${haveMajor}.${haveMinor}`
    )
  }
}

function checkMachine(member: string, elf: ElfFacts, { platform }: Target): void {
  const machine = MACHINES[platform]
  if (machine === undefined) return
  if (elf.machine !== machine.code || elf.wide !== machine.wide || !elf.littleEndian) {
    refuse('wrong-machine', `${member} is for machine ${elf.machine}, not for ${platform}`)
  }
  if (machine.code !== EM_ARM) return
  if ((elf.flags & ARM_SOFT_FLOAT) !== 0) refuse('wrong-machine', `${member} is compiled for soft float`)
  const cpu = elf.arm?.cpu ?? 0
  if (platform === 'linux_armv6l' ? !isArmv6(cpu) : cpu > ARM_V7) {
    const newest = platform === 'linux_armv6l' ? 'ARMv6' : 'ARMv7'
    refuse('wrong-machine', `${member} is compiled for another processor than ${newest}`)
  }
}

function isArmv6(cpu: number): boolean {
  return cpu <= ARM_V6K && cpu !== ARM_V6T2
}

/**
 * Whether code of an ARMv7 system says of itself that a Pi 1 or Zero runs it too: what does not say so is taken for ARMv7.
 * Debian's compilers for armhf make ARMv7 code, Raspberry Pi OS's make ARMv6 code.
 */
export function saysArmv6({ machine, wide, littleEndian, flags, arm }: ElfFacts): boolean {
  if (machine !== EM_ARM || wide || !littleEndian || arm === undefined) return false
  const isHardFloat = (flags & ARM_HARD_FLOAT) !== 0 || HARD_FLOAT_ARGS.includes(arm.vfpArgs)
  return isHardFloat && isArmv6(arm.cpu) && arm.thumb <= THUMB_1 && arm.fp <= VFP_V2 && arm.simd === 0
}

/** The lowest glibc that has every symbol version wanted; [0, 0] when none is. */
export function glibcFloorOf(elfs: readonly ElfFacts[]): readonly [major: number, minor: number] {
  const wanted = elfs
    .flatMap(({ versions }) => [...versions.values()].flat())
    .map((version) => (version === 'GLIBC_ABI_DT_RELR' ? 'GLIBC_2.36' : version))
    .flatMap((version) => {
      const match = /^GLIBC_(\d{1,3})\.(\d{1,3})/.exec(version)
      return match === null ? [] : [[Number(match[1]), Number(match[2])] as const]
    })
  return wanted.sort(([aMajor, aMinor], [bMajor, bMinor]) => bMajor - aMajor || bMinor - aMinor)[0] ?? [0, 0]
}

/** Libraries that the wheel wants of the system: what is needed, minus what it brings itself. */
export function systemLibraries(elfs: ReadonlyMap<string, ElfFacts>): ReadonlySet<string> {
  const bundled = new Set(
    [...elfs].flatMap(([member, { soname }]) => [soname, member.slice(member.lastIndexOf('/') + 1)])
  )
  return new Set([...elfs.values()].flatMap(({ needed }) => needed).filter((soname) => !bundled.has(soname)))
}

/** Inside the wheel, told from the file's own place; or in the system's library folders, where only root writes. */
function isOwnPath(path: string, member: string): boolean {
  const [first = '', ...rest] = path.split('/')
  if (path === '') return true
  if (first === '$ORIGIN' || first === '${ORIGIN}') {
    let depth = member.split('/').length - 1
    return rest.every((segment) => {
      if (segment === '..') depth -= 1
      else if (segment !== '' && segment !== '.') depth += 1
      return depth >= 0
    })
  }
  return /^\/(usr\/)?lib(64)?(\/|$)/.test(path) && !rest.includes('..')
}
