import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseTarget } from '../../src/core/target.ts'
import { expandTags, tagText, type WheelTag } from '../../src/core/wheel-name.ts'
import { classifyWheel, targetTags, wheelFitsTarget } from '../../src/core/wheel-tags.ts'

interface Vectors {
  readonly pythonAbis: readonly string[]
  readonly platforms: readonly string[]
  readonly fitting: Record<string, readonly string[]>
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/wheel-tags.json', import.meta.url), 'utf8')
) as Vectors

function tags(text: string): readonly WheelTag[] {
  const expanded = expandTags(text)
  if (expanded === undefined) throw new Error(`no tags: ${text}`)
  return expanded
}

const candidates = vectors.pythonAbis.flatMap((pythonAbi) =>
  vectors.platforms.flatMap((platform) => tags(`${pythonAbi}-${platform}`))
)

test.for(Object.entries(vectors.fitting))("%s takes what Python's packaging takes", ([target, wanted]) => {
  expect(candidates.filter(targetTags(parseTarget(target))).map(tagText)).toEqual(wanted)
})

describe('a wheel', () => {
  const armv7 = parseTarget('cp311-linux_armv7l-glibc2.36')

  test('fits when one of its tags does', () => {
    expect(wheelFitsTarget(tags('cp310.cp311-none-manylinux_2_40_armv7l.manylinux_2_36_armv7l'), armv7)).toBe(
      true
    )
    expect(wheelFitsTarget(tags('cp310.cp312-none-manylinux_2_36_armv7l'), armv7)).toBe(false)
    expect(wheelFitsTarget([], armv7)).toBe(false)
  })

  test.for([
    ['py2.py3-none-any', 'pure'],
    ['py3-none-linux_armv7l', 'platform'],
    ['cp38-abi3-manylinux2014_aarch64', 'abi3'],
    ['cp315-abi3.abi3t-manylinux_2_39_aarch64', 'abi3'],
    ['cp311-cp311-linux_armv7l', 'compiled'],
    ['pp310-pypy310_pp73-linux_aarch64', 'compiled']
  ] as const)('%s is %s', ([text, reach]) => {
    expect(classifyWheel(tags(text))).toBe(reach)
  })
})
