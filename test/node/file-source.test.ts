import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { NodeId } from '../../src/core/ids.ts'
import type { TrustLevel, WheelRef } from '../../src/core/record.ts'
import type { MeshState } from '../../src/ledger/mesh-state.ts'
import { createFileSource, type PassingOptions } from '../../src/node/file-source.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult } from '../support/make-record.ts'
import { memoryBlobs } from '../support/memory-blobs.ts'

const wheel = aResult().wheel!
const NAME = wheel.filename

interface Said {
  readonly by: string
  readonly level: TrustLevel | undefined
  readonly wheel: WheelRef
}

/** Files of a mesh of which these results are known, none of them here. */
function filesOf(results: readonly Said[], retracted: readonly string[] = []) {
  const idOf = (by: string): NodeId => signerOf(by).nodeId
  const facts = results.map(({ by, wheel: said }) => ({
    author: idOf(by),
    recordId: by,
    record: aResult({ wheel: said })
  }))
  const state = {
    results: {
      retracted: () => new Set(retracted),
      ofWheel: (digest: string) => facts.filter(({ record }) => record.wheel?.sha256 === digest),
      holdersOf: () => facts.map(({ author }) => author)
    },
    membership: {
      levelOf: (node: NodeId) => results.find(({ by }) => idOf(by) === node)?.level
    }
  } as unknown as MeshState
  const passed: PassingOptions[] = []
  const source = createFileSource({
    state,
    store: memoryBlobs(),
    sound: { open: async () => undefined, part: () => undefined },
    blobs: {
      ensure: async () => 0,
      streamThrough: async (_, options) => {
        passed.push(options)
        return { size: 0, chunks: (async function* () {})() }
      }
    }
  })
  return { source, passed }
}

test('a member that names a file otherwise takes nobody its right name', () => {
  const other = { ...wheel, filename: 'demo-1.0-py2-none-any.whl' }
  const { source } = filesOf([
    { by: 'liar', level: 'member', wheel: other },
    { by: 'pi1', level: 'trusted', wheel }
  ])
  expect(source.find(wheel.sha256, NAME)).toEqual(wheel)
  expect(source.find(wheel.sha256, 'demo-1.0.whl')).toBeUndefined()
})

test('what only a stranger built is no file of this mesh, and what was retracted is gone by every name', () => {
  const strangers = filesOf([{ by: 'pi1', level: undefined, wheel }])
  expect(strangers.source.find(wheel.sha256, NAME)).toBeUndefined()
  const gone = filesOf([{ by: 'pi1', level: 'trusted', wheel }], [wheel.sha256])
  expect(gone.source.find(wheel.sha256, 'other.whl')).toBe('gone')
})

test('a file is fetched by what the most trusted says of it, and a part of it as a part', async () => {
  const lie = { ...wheel, pieces: sha256Hex('a lie') }
  const { source, passed } = filesOf([
    { by: 'liar', level: 'probation', wheel: lie },
    { by: 'pi1', level: 'trusted', wheel }
  ])
  await source.open(wheel.sha256)
  await source.open(wheel.sha256, { start: 5, end: 9 })
  expect(passed.map(({ about }) => about)).toEqual([wheel, wheel])
  expect(passed.map(({ range }) => range)).toEqual([undefined, { start: 5, end: 9 }])
})
