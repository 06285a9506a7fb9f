import { describe, expect, test } from 'vitest'
import { inspectMade } from '../support/inspect-made-wheel.ts'
import { makeElf, type ElfPlan } from '../support/make-elf.ts'
import type { WheelPlan } from '../support/make-wheel.ts'

function withElf(elf: ElfPlan, tag = 'cp311-cp311-linux_aarch64'): Partial<WheelPlan> {
  return { tag, files: { 'demo/__init__.py': '', 'demo/fast.so': makeElf(elf) } }
}

describe('ARMv6 as well', () => {
  const target = 'cp311-linux_armv7l-glibc2.31'
  const tag = 'cp311-cp311-linux_armv7l'
  const armv6 = { cpu: 6, thumb: 1, fp: 2, vfpArgs: 1 }
  const elf = { machine: 40, wide: false, flags: 0x5000400, arm: armv6 }
  async function alsoRunsOn(plan: Partial<WheelPlan>, of = target): Promise<readonly string[]> {
    const verdict = await inspectMade(plan, { target: of })
    if (verdict.kind === 'refused') throw new Error(verdict.reason)
    return verdict.facts.alsoRunsOn
  }

  const yes: { id: string; plan: Partial<WheelPlan> }[] = [
    { id: 'code that says so, as compilers of Raspberry Pi OS make it', plan: withElf(elf, tag) },
    { id: 'code that tells its floats by attribute alone', plan: withElf({ ...elf, flags: 0x5000000 }, tag) },
    { id: 'no code at all', plan: { tag } },
    { id: 'of every Python', plan: withElf(elf, 'py3-none-linux_armv7l') }
  ]
  test.for(yes)('$id', async ({ plan }) => {
    expect(await alsoRunsOn(plan)).toEqual(['cp311-linux_armv6l-glibc2.31'])
  })

  const no: { id: string; plan: Partial<WheelPlan>; of?: string }[] = [
    { id: 'ARMv7 code', plan: withElf({ ...elf, arm: { ...armv6, cpu: 10 } }, tag) },
    { id: 'Thumb-2', plan: withElf({ ...elf, arm: { ...armv6, thumb: 2 } }, tag) },
    { id: 'VFPv3', plan: withElf({ ...elf, arm: { ...armv6, fp: 3 } }, tag) },
    { id: 'NEON', plan: withElf({ ...elf, arm: { ...armv6, simd: 1 } }, tag) },
    { id: 'code that does not say', plan: withElf({ machine: 40, wide: false, flags: 0x5000400 }, tag) },
    { id: 'unknown floats', plan: withElf({ ...elf, flags: 0, arm: { ...armv6, vfpArgs: 0 } }, tag) },
    {
      id: 'one file of many',
      plan: { tag, files: { 'a.so': makeElf(elf), 'b.o': makeElf({ ...elf, type: 1, arm: { cpu: 10 } }) } }
    },
    { id: 'a static library', plan: { tag, files: { 'demo/libfast.a': '!<arch>\n' } } },
    { id: 'a pure wheel, which is for all anyway', plan: {} },
    { id: 'manylinux, which no ARMv6 has', plan: withElf(elf, 'cp311-cp311-manylinux_2_28_armv7l') },
    { id: 'another machine', plan: withElf({}), of: 'cp311-linux_aarch64-glibc2.36' }
  ]
  test.for(no)('not: $id', async ({ plan, of }) => {
    expect(await alsoRunsOn(plan, of)).toEqual([])
  })
})
