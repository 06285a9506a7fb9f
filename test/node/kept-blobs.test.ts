import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import { KeptRecords } from '../../src/node/kept-blobs.ts'
import { BoardKit, CP311, job } from '../scheduler/board-kit.ts'

/** Every blob of a walk: digest → kind and key. */
async function walked(kept: KeptRecords, slice = 3): Promise<ReadonlyMap<Sha256, readonly [string, Sha256]>> {
  const found = new Map<Sha256, readonly [string, Sha256]>()
  for await (const blobs of kept.slices(slice))
    for (const { digest, kind, key } of blobs) found.set(digest, [kind, key])
  return found
}

describe('what the mesh keeps', () => {
  test('wheels with their METADATA, logs, and the newest page of each project, whatever the size of a slice', async () => {
    const kit = new BoardKit([CP311])
    const wheels: Sha256[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      kit.observe(name, [{ version: '0.9' }])
      kit.observe(name)
      const result = kit.result(job(name))
      const log = { sha256: sha256Hex(`log ${name}`), size: 5 }
      const wheel = { ...result.wheel!, metadata: sha256Hex(`metadata ${name}`) }
      kit.feed({ ...result, wheel, log })
      wheels.push(wheel.sha256)
    }
    kit.feed({ ...kit.failure(job('f')), log: { sha256: sha256Hex('log f'), size: 5 } })
    const kept = new KeptRecords(kit.state)
    for (const slice of [1, 3, 100]) {
      const found = await walked(kept, slice)
      const kinds = [...found.values()].map(([kind]) => kind).sort()
      const times = (count: number, kind: string): readonly string[] => Array<string>(count).fill(kind)
      expect(kinds).toEqual([
        ...times(6, 'log'),
        ...times(5, 'metadata'),
        ...times(5, 'page'),
        ...times(5, 'wheel')
      ])
      for (const [n, wheel] of wheels.entries()) {
        expect(found.get(wheel)).toEqual(['wheel', wheel])
        // It lies where its wheel lies.
        expect(found.get(sha256Hex(`metadata ${'abcde'[n]!}`))).toEqual(['metadata', wheel])
      }
      for (const [digest, [kind, key]] of found) {
        if (kind === 'metadata') continue
        expect(kept.find(digest)).toMatchObject({ digest, kind, key })
      }
    }
  })

  test('no retracted wheel, but its log; and nothing of a page that a newer one replaced', async () => {
    const kit = new BoardKit([CP311])
    kit.observe('a', [{ version: '0.9' }])
    const kept = new KeptRecords(kit.state)
    const [old] = [...(await walked(kept)).keys()]
    kit.observe('a')
    const result = kit.result(job('a'))
    kit.feed(result)
    kit.feed({ kind: 'retract', file: result.wheel!.sha256, reason: 'bad' })
    const found = await walked(kept)
    expect([...found.values()].map(([kind]) => kind).sort()).toEqual(['log', 'page'])
    expect(kept.find(result.wheel!.sha256)).toBeUndefined()
    expect([found.has(old!), kept.find(old!)]).toEqual([false, undefined])
  })

  test('a lost wheel is kept all the same: whoever has it must not drop it', () => {
    const kit = new BoardKit([CP311])
    const result = kit.result(job('a'))
    kit.feed(result)
    const file = result.wheel!.sha256
    kit.feed({ kind: 'lost', file, createdMs: 1 })
    expect(new KeptRecords(kit.state).find(file)?.kind).toBe('wheel')
  })

  test('a new entry tells of its blobs at once', () => {
    const kit = new BoardKit([CP311])
    const kept = new KeptRecords(kit.state)
    const page = kept.ofEntry(kit.observe('a'))
    expect(page.map(({ kind }) => kind)).toEqual(['page'])
    expect(kept.find(page[0]!.digest)?.kind).toBe('page')
    const blobs = kept.ofEntry(kit.feed(kit.result(job('a'))))
    expect(blobs.map(({ kind }) => kind)).toEqual(['wheel', 'metadata', 'log'])
    expect(blobs.every(({ authors }) => authors.length === 1)).toBe(true)
  })
})
