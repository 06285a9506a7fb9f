import { expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import { TestMesh } from './mesh.ts'

const PINS = [`setuptools==80.9.0 sha256:${'5e'.repeat(32)}`]

/** What each builder was asked to use, in order; the first one tells what it uses. */
function meshThatTells(pins: readonly string[]) {
  const asked: { readonly node: NodeId; readonly pins: readonly string[] | undefined }[] = []
  const mesh = new TestMesh({
    seed: 3,
    nodes: 4,
    jobs: 1,
    buildMs: 600_000,
    onBuild: (node, request, told) => {
      asked.push({ node, pins: request.pins })
      if (asked.length === 1) told.onRequirements?.(pins)
    }
  })
  return { mesh, asked }
}

async function untilSecondBuilder({ mesh, asked }: ReturnType<typeof meshThatTells>): Promise<void> {
  expect(await mesh.run(60_000, () => asked.length === 1)).toBe(true)
  // Long enough for one word of progress.
  await mesh.run(45_000)
  const first = mesh.nodes.find(({ id }) => id === asked[0]?.node)
  if (first !== undefined) mesh.kill(first)
  expect(await mesh.run(1_200_000, () => asked.length === 2)).toBe(true)
  expect(asked[1]?.node).not.toBe(asked[0]?.node)
}

test('who takes over from a builder that fell silent builds with the same requirements', async () => {
  const told = meshThatTells(PINS)
  await untilSecondBuilder(told)
  expect(told.asked.map(({ pins }) => pins)).toEqual([undefined, PINS])
})

test('more than a message takes is not told: the next builder resolves anew', async () => {
  const told = meshThatTells(Array.from({ length: 200 }, (_, i) => `p${i}==1.0 sha256:${'ab'.repeat(32)}`))
  await untilSecondBuilder(told)
  expect(told.asked.map(({ pins }) => pins)).toEqual([undefined, undefined])
})
