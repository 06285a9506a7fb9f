import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectName } from '../../src/core/ids.ts'
import type { Log } from '../../src/core/ports.ts'
import { BoardMaker } from '../../src/scheduler/board-maker.ts'
import { createWishes, type Wishes } from '../../src/ledger/wishes.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aWant } from '../support/make-record.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

/** A clock on which each project takes its time to be judged. */
class WorkClock extends FakeClock {
  spentMs = 0

  override monotonicMs(): number {
    return super.monotonicMs() + this.spentMs
  }
}

interface Kit {
  readonly maker: BoardMaker
  readonly clock: WorkClock
  readonly judged: ProjectName[]
  readonly wishes: Wishes
  readonly said: string[]
}

function aMaker(
  over: { held?: readonly ProjectName[]; onBoard?: readonly ProjectName[]; fails?: boolean } = {}
): Kit {
  const clock = new WorkClock()
  const wishes = createWishes()
  const judged: ProjectName[] = []
  const said: string[] = []
  const log: Log = {
    ...silentLog,
    info: (message) => said.push(message),
    error: (message) => said.push(message)
  }
  const judge = (project: ProjectName): void => {
    if (over.fails === true) throw new Error('the disk is broken')
    clock.spentMs += 6
    judged.push(project)
  }
  const maker = new BoardMaker({
    clock,
    log,
    state: { wishes },
    board: { refresh: judge, projects: () => over.onBoard ?? [] },
    loader: {
      loadHeld: async (project) => {
        const isHeld = over.held?.includes(project) === true
        // As the page book does when a page is put into it.
        if (isHeld) judge(project)
        return isHeld
      }
    }
  })
  return { maker, clock, judged, wishes, said }
}

const names = (count: number): readonly ProjectName[] =>
  Array.from({ length: count }, (_, index) => normalizeName(`project-${index}`))

function want(
  wishes: Wishes,
  projects: readonly ProjectName[],
  over: Parameters<typeof aWant>[0] = {}
): void {
  const specs = projects.map((project) => ({ project, specifier: '' }))
  wishes.apply(`want ${projects.join()}`, signerOf('root').nodeId, aWant({ specs, ...over }))
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('every wanted project is judged once, in slices between which others have their turn', async () => {
  const { maker, clock, judged, wishes } = aMaker()
  want(wishes, names(10))
  maker.make()
  await turn()
  expect([judged.length, maker.isMade()]).toEqual([4, false])
  await clock.advance(5)
  expect([judged.length, maker.isMade()]).toEqual([8, false])
  await clock.advance(5)
  expect([judged.length, maker.isMade()]).toEqual([10, true])
  expect(new Set(judged)).toEqual(new Set(names(10)))
})

test('a page that lies on the disk is read before its project is judged, and the project is judged once', async () => {
  const [held, other] = names(2)
  const { maker, judged, wishes } = aMaker({ held: [held!] })
  want(wishes, [other!, held!])
  maker.make()
  await turn()
  expect(judged).toEqual([other, held])
})

test('projects of batches come first, and whoever waits for them does not wait for the rest', async () => {
  const { maker, clock, judged, wishes } = aMaker()
  const all = names(12)
  want(wishes, all.slice(0, 10))
  want(wishes, all.slice(10), {
    batch: true,
    atomic: true,
    targets: ['cp311-linux_x86_64-glibc2.36' as never]
  })
  let isKnown = false
  void maker.whenBatchesKnown.then(() => (isKnown = true))
  maker.make()
  await turn()
  expect(judged.slice(0, 2)).toEqual(all.slice(10))
  expect([isKnown, maker.isMade()]).toEqual([true, false])
  await clock.advance(100)
  expect(maker.isMade()).toBe(true)
})

test('what is on the board and no longer wanted is judged, too', async () => {
  const [gone, wanted] = names(2)
  const { maker, judged, wishes } = aMaker({ onBoard: [gone!] })
  want(wishes, [wanted!])
  maker.make()
  await turn()
  expect(new Set(judged)).toEqual(new Set([gone, wanted]))
})

test('asked again while it runs, it goes over everything once more; once made, it stays made', async () => {
  const { maker, clock, judged, wishes } = aMaker()
  want(wishes, names(5))
  maker.make()
  await turn()
  maker.make()
  maker.make()
  await clock.advance(100)
  expect([judged.length, maker.isMade()]).toEqual([10, true])
  maker.make()
  await turn()
  expect(maker.isMade()).toBe(true)
  await clock.advance(100)
  expect(judged.length).toBe(15)
})

test('a board that cannot be made is said, is not taken for made, and holds up nobody who waits for batches', async () => {
  const { maker, wishes, said } = aMaker({ fails: true })
  want(wishes, names(3), { batch: true, targets: ['cp311-linux_x86_64-glibc2.36' as never] })
  maker.make()
  await maker.whenBatchesKnown
  expect([maker.isMade(), said]).toEqual([false, ['the job board could not be made']])
})

test('stopped in the middle, it judges nothing more', async () => {
  const { maker, clock, judged, wishes } = aMaker()
  want(wishes, names(10))
  maker.make()
  await turn()
  maker.stop()
  await clock.advance(100)
  expect([judged.length, maker.isMade()]).toEqual([4, false])
})

test('nothing wanted: made at once', async () => {
  const { maker } = aMaker()
  maker.make()
  await turn()
  expect(maker.isMade()).toBe(true)
})
