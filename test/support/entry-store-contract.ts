import { describe, expect, onTestFinished, test } from 'vitest'
import type { EntryStore } from '../../src/core/ports.ts'
import { collect } from './collect.ts'
import { aFeed, aStoredEntry, someStoredEntries } from './make-entry.ts'

export interface OpenStore {
  readonly store: EntryStore
  close(): Promise<void>
}

/** What every EntryStore must do. Each adapter's own test file calls this once. */
export function entryStoreContract(name: string, open: () => Promise<OpenStore>): void {
  const pi1 = aFeed('a')
  const pi1Again = aFeed('a', '00000000000000ff')
  const pi2 = aFeed('b')

  async function openStore(): Promise<EntryStore> {
    const opened = await open()
    onTestFinished(() => opened.close())
    return opened.store
  }

  describe(`EntryStore contract: ${name}`, () => {
    test('a new store is empty', async () => {
      const store = await openStore()
      expect(await store.heads()).toEqual([])
      expect(await collect(store.all())).toEqual([])
      expect(await collect(store.range(pi1, 1))).toEqual([])
    })

    test('gives back the very bytes', async () => {
      const store = await openStore()
      const entry = { ...aStoredEntry(pi1, 1), bytes: aStoredEntry(pi1, 1).bytes.slice() }
      await store.append([entry], { sync: true })
      const [found] = await collect(store.range(pi1, 1))
      expect({ ...found, bytes: [...found!.bytes] }).toEqual({ ...entry, bytes: [...entry.bytes] })
    })

    test('all: feed by feed, ascending, also past 9, 15 and 255', async () => {
      const store = await openStore()
      await store.append(someStoredEntries(pi2, 1, 3), { sync: false })
      await store.append(someStoredEntries(pi1Again, 1, 2), { sync: false })
      await store.append(someStoredEntries(pi1, 1, 300), { sync: false })
      const places = (await collect(store.all())).map((entry) => [entry.node, entry.incarnation, entry.seq])
      const expected = [
        ...someStoredEntries(pi1, 1, 300),
        ...someStoredEntries(pi1Again, 1, 2),
        ...someStoredEntries(pi2, 1, 3)
      ].map((entry) => [entry.node, entry.incarnation, entry.seq])
      expect(places).toEqual(expected)
    })

    const ranges = [
      { id: 'from the first', from: 1, to: undefined, seqs: [1, 2, 3, 4] },
      { id: 'from zero is from the first', from: 0, to: undefined, seqs: [1, 2, 3, 4] },
      { id: 'from the middle', from: 3, to: undefined, seqs: [3, 4] },
      { id: 'both ends count', from: 2, to: 3, seqs: [2, 3] },
      { id: 'one', from: 4, to: 4, seqs: [4] },
      { id: 'past the end', from: 5, to: undefined, seqs: [] },
      { id: 'backwards', from: 3, to: 2, seqs: [] },
      { id: 'before the first', from: 0, to: 0, seqs: [] }
    ]
    test.for(ranges)('range: $id', async ({ from, to, seqs }) => {
      const store = await openStore()
      await store.append([...someStoredEntries(pi1, 1, 4), ...someStoredEntries(pi2, 1, 9)], { sync: false })
      expect((await collect(store.range(pi1, from, to))).map(({ seq }) => seq)).toEqual(seqs)
    })

    test('heads follow the appends', async () => {
      const store = await openStore()
      await store.append(someStoredEntries(pi1, 1, 2), { sync: false })
      await store.append([aStoredEntry(pi1, 3), aStoredEntry(pi2, 1)], { sync: true })
      const heads = new Map((await store.heads()).map((head) => [head.node, head]))
      expect(heads.get(pi1.node)).toEqual({ ...pi1, seq: 3, hash: aStoredEntry(pi1, 3).hash })
      expect(heads.get(pi2.node)).toEqual({ ...pi2, seq: 1, hash: aStoredEntry(pi2, 1).hash })
    })

    test('appends that nobody waited for land in the order of the calls', async () => {
      const store = await openStore()
      const seqs = Array.from({ length: 50 }, (_, index) => index + 1)
      await Promise.all(seqs.map((seq) => store.append([aStoredEntry(pi1, seq)], { sync: seq % 7 === 0 })))
      expect((await collect(store.range(pi1, 1))).map(({ seq }) => seq)).toEqual(seqs)
    })

    const outOfOrder = [
      { id: 'a hole', seqs: [4] },
      { id: 'a hole inside one call', seqs: [3, 5] },
      { id: 'the same again', seqs: [2] },
      { id: 'backwards', seqs: [4, 3] }
    ]
    test.for(outOfOrder)('refuses $id, and takes nothing of that call', async ({ seqs }) => {
      const store = await openStore()
      await store.append(someStoredEntries(pi1, 1, 2), { sync: false })
      const call = [aStoredEntry(pi2, 1), ...seqs.map((seq) => aStoredEntry(pi1, seq))]
      await expect(store.append(call, { sync: true })).rejects.toMatchObject({ code: 'STORAGE_OUT_OF_ORDER' })
      expect((await store.heads()).map(({ seq }) => seq)).toEqual([2])
      expect(await collect(store.range(pi2, 1))).toEqual([])
    })

    test('a refused call does not take its neighbours with it', async () => {
      const store = await openStore()
      const calls = [[aStoredEntry(pi1, 1)], [aStoredEntry(pi1, 9)], [aStoredEntry(pi1, 2)]]
      const ends = await Promise.allSettled(calls.map((entries) => store.append(entries, { sync: false })))
      expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect((await store.heads()).map(({ seq }) => seq)).toEqual([2])
    })

    test('what is no feed is a mistake of the caller, and the next call goes on', async () => {
      const store = await openStore()
      const wrong = aStoredEntry({ ...pi1, incarnation: 'x' }, 1)
      await expect(store.append([wrong], { sync: false })).rejects.toThrow(TypeError)
      await store.append([aStoredEntry(pi1, 1)], { sync: false })
      expect((await store.heads()).length).toBe(1)
    })

    test('a cut takes the end of one feed and keeps why; an earlier cut of it takes its place', async () => {
      const store = await openStore()
      for (const feed of [pi1, pi1Again, pi2])
        await store.append(someStoredEntries(feed, 1, 300), { sync: false })
      const [head, earlier] = [aStoredEntry(pi1, 255), aStoredEntry(pi1, 9)]
      await store.cut({ place: { ...pi1, seq: 256 }, proof: Uint8Array.of(1), head })
      expect(await store.forks()).toEqual([{ ...pi1, seq: 256 }])
      expect((await collect(store.range(pi1, 1))).at(-1)?.seq).toBe(255)
      await store.cut({ place: { ...pi1, seq: 12 }, proof: Uint8Array.of(2), head: earlier })
      expect(await store.forks()).toEqual([{ ...pi1, seq: 12 }])
      expect(Uint8Array.from((await store.proof(pi1))!)).toEqual(Uint8Array.of(2))
      expect(await store.proof(pi1Again)).toBeUndefined()
      expect((await store.heads()).map(({ seq }) => seq).sort()).toEqual([300, 300, 9])
      expect((await collect(store.all())).length).toBe(609)
      await store.append([aStoredEntry(pi1, 10)], { sync: true })
      expect((await collect(store.range(pi1, 9))).map(({ seq }) => seq)).toEqual([9, 10])
    })

    test('a cut at the first place leaves nothing of the feed, and a feed that is not there can be cut', async () => {
      const store = await openStore()
      await store.append(someStoredEntries(pi1, 1, 3), { sync: false })
      await store.cut({ place: { ...pi1, seq: 1 }, proof: Uint8Array.of(1), head: undefined })
      await store.cut({ place: { ...pi2, seq: 7 }, proof: Uint8Array.of(2), head: undefined })
      expect(await store.heads()).toEqual([])
      expect(await collect(store.all())).toEqual([])
      expect((await store.forks()).map(({ seq }) => seq)).toEqual([1, 7])
    })

    test('appending nothing is nothing', async () => {
      const store = await openStore()
      await store.append([], { sync: true })
      expect(await store.heads()).toEqual([])
    })
  })
}
