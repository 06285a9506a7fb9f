import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { LostRecord } from '../../src/core/record.ts'
import { createLostBlobs } from '../../src/ledger/lost-blobs.ts'
import { withFound } from '../../src/node/keep-blobs.ts'
import { BoardKit, CP311, job, OTHER, WANTED_MS } from '../scheduler/board-kit.ts'

const FILE = sha256Hex('wheel')
const said = (kind: LostRecord['kind'], createdMs: number): LostRecord => ({ kind, file: FILE, createdMs })

describe('what was said last of a file counts', () => {
  test('whatever came in first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('lost', 'found'), fc.integer({ min: 0, max: 5 })), {
          minLength: 1
        }),
        fc.infiniteStream(fc.nat()),
        (words, dice) => {
          const all = words.map(([kind, ms], n) => [`${n}:0`, said(kind, ms)] as const)
          const shuffled = all
            .map((one) => [dice.next().value, one] as const)
            .sort(([a], [b]) => a - b)
            .map(([, one]) => one)
          const [one, other] = [createLostBlobs(), createLostBlobs()]
          for (const [id, record] of all) one.apply(id, record)
          for (const [id, record] of shuffled) other.apply(id, record)
          expect(other.isLost(FILE)).toBe(one.isLost(FILE))
          expect(other.nextMs(FILE, 0)).toBe(one.nextMs(FILE, 0))
        }
      )
    )
  })

  test('a clock that ran ahead does no lasting harm: the next word is dated after it', () => {
    const lost = createLostBlobs()
    lost.apply('a:0', said('lost', 9_000_000))
    expect(lost.nextMs(FILE, 5)).toBe(9_000_001)
    lost.apply('b:0', said('found', lost.nextMs(FILE, 5)))
    expect(lost.isLost(FILE)).toBe(false)
    expect(lost.nextMs(FILE, 10_000_000)).toBe(10_000_000)
  })
})

describe('a published wheel that is lost', () => {
  const a = job('a')

  /** A mesh that wants `a`, which was built. */
  function built(): { kit: BoardKit; file: LostRecord['file'] } {
    const kit = new BoardKit([CP311])
    kit.observe('a')
    kit.want(['a'], { batch: false })
    const result = kit.result(a)
    kit.feed(result)
    return { kit, file: result.wheel!.sha256 }
  }

  const stateOf = (kit: BoardKit): string | undefined => kit.board.get(a)?.state.kind

  test('is listed no longer, and its job is open again', () => {
    const { kit, file } = built()
    expect([stateOf(kit), kit.listed('a')]).toEqual(['built', ['a-1.0-cp311-cp311-linux_x86_64.whl']])
    kit.feed({ kind: 'lost', file, createdMs: WANTED_MS })
    expect([stateOf(kit), kit.listed('a')]).toEqual(['open', []])
  })

  test('is listed again when it is found, and its job is done', () => {
    const { kit, file } = built()
    kit.feed({ kind: 'lost', file, createdMs: WANTED_MS })
    kit.feedFrom(OTHER, { kind: 'found', file, createdMs: WANTED_MS + 1 })
    expect([stateOf(kit), kit.listed('a').length]).toEqual(['built', 1])
  })

  test('gives way to the one that was built again, and takes its place back when it is found', () => {
    const { kit, file } = built()
    kit.feed({ kind: 'lost', file, createdMs: WANTED_MS })
    const again = kit.result(a)
    const rebuilt = sha256Hex('other bytes under the same name')
    kit.feed({ ...again, wheel: { ...again.wheel!, sha256: rebuilt } })
    const digests = (): readonly string[] => kit.wheels('a').map(({ sha256 }) => sha256)
    expect([stateOf(kit), digests()]).toEqual(['built', [rebuilt]])
    kit.feed({ kind: 'found', file, createdMs: WANTED_MS + 1 })
    expect([stateOf(kit), digests()]).toEqual(['built', [file]])
  })

  test('counts as lost also when the word comes before the result', () => {
    const kit = new BoardKit([CP311])
    kit.observe('a')
    kit.want(['a'], { batch: false })
    const result = kit.result(a)
    kit.feedFrom(OTHER, { kind: 'lost', file: result.wheel!.sha256, createdMs: WANTED_MS })
    kit.feed(result)
    expect([stateOf(kit), kit.listed('a')]).toEqual(['open', []])
  })

  test('built again with the same bytes is found in the same write: its job is never open in between', () => {
    const { kit, file } = built()
    kit.feed({ kind: 'lost', file, createdMs: WANTED_MS })
    const states: (string | undefined)[] = []
    kit.board.onChange(() => void states.push(stateOf(kit)))
    kit.feed(...withFound(kit.state, WANTED_MS, [kit.result(a)]))
    expect(states.filter((state) => state !== 'built')).toEqual([])
    expect([stateOf(kit), kit.listed('a').length, kit.wheels('a')[0]!.sha256]).toEqual(['built', 1, file])
  })
})
