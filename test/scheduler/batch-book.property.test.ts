import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { BATCH_QUIET_MS } from '../../src/core/limits.ts'
import type { Entry } from '../../src/core/record.ts'
import { BoardKit, CP311, CP39, job, OTHER, ROOT, WANTED_MS } from './board-kit.ts'

const NAMES = ['a', 'b', 'c'] as const
const name = fc.constantFrom(...NAMES)
const node = fc.constantFrom(ROOT, OTHER)
const target = fc.constantFrom('cp39', 'cp311')
const laterMs = fc.nat(30_000)

const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('want' as const), node, names: fc.subarray([...NAMES], { minLength: 1 }), batch: fc.boolean(), atomic: fc.boolean(), laterMs }) }, // prettier-ignore
  { weight: 6, arbitrary: fc.record({ do: fc.constant('build' as const), node, name, target, how: fc.constantFrom('wheel', 'package', 'transient', 'resource'), isPure: fc.boolean() }) }, // prettier-ignore
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('observe' as const), name, versions: fc.constantFrom(1, 2) })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retract' as const), node, name, target }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('skip' as const), node, name, laterMs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unwant' as const), node, name, laterMs }) }
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function run(kit: BoardKit, one: Step): void {
  const project = normalizeName('name' in one ? one.name : 'a')
  switch (one.do) {
    case 'want': {
      const specs = one.names.map((each) => ({ project: normalizeName(each), specifier: '' }))
      const createdMs = WANTED_MS + one.laterMs
      const { batch, atomic } = one
      kit.feedFrom(one.node, { kind: 'want', specs, targets: [CP39, CP311], priority: 'request', batch, atomic, createdMs }) // prettier-ignore
      return
    }
    case 'build': {
      const id = job(`${one.name}@${one.target}`)
      const built = kit.result(id)
      const filename = one.isPure ? `${one.name}-1.0-py3-none-any.whl` : built.wheel!.filename
      if (one.how === 'wheel') kit.feedFrom(one.node, { ...built, wheel: { ...built.wheel!, filename } })
      else kit.feedFrom(one.node, kit.failure(id, one.how))
      return
    }
    case 'observe':
      kit.observe(one.name, [{ version: '1.0' }, { version: '2.0' }].slice(0, one.versions))
      return
    case 'retract':
      kit.feedFrom(one.node, { kind: 'retract', file: sha256Hex(`wheel ${job(`${one.name}@${one.target}`)}`), reason: 'x' }) // prettier-ignore
      return
    case 'skip':
      kit.feedFrom(one.node, { kind: 'skip', project, version: '', reason: 'x', createdMs: one.laterMs })
      return
    case 'unwant':
      kit.feedFrom(one.node, { kind: 'unwant', projects: [project], createdMs: WANTED_MS + one.laterMs })
  }
}

/** All that may depend on records, and on nothing else. */
function verdicts(kit: BoardKit): unknown {
  const { board, state } = kit
  return {
    states: kit.states(),
    passes: [...board.rows()].map(({ id }) => `${id} ${board.batches.passOf(id)}`).sort(),
    standings: [...state.wishes.wants()].map(([id]) => [id, board.batches.standing(id)] as const).sort(),
    listed: kit.listed(...NAMES),
    offered: [kit.offered(CP39), kit.offered(CP311)]
  }
}

/** Each feed in its own order, the two of them mixed as chance has it. */
function interleaved(entries: readonly Entry[], chance: Iterator<number>): readonly Entry[] {
  const feeds = [ROOT, OTHER].map((author) => entries.filter((entry) => entry.node === author))
  const mixed: Entry[] = []
  while (mixed.length < entries.length) {
    const open = feeds.filter((feed) => feed.length > 0)
    mixed.push(open[chance.next().value! % open.length]!.shift()!)
  }
  return mixed
}

test('two nodes with the same records have the same rounds, jobs and wheels, in whatever order these came', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.infiniteStream(fc.nat()),
      async (steps, chance) => {
        const one = new BoardKit([CP39, CP311])
        for (const each of NAMES) one.observe(each)
        for (const each of steps) run(one, each)
        const two = new BoardKit([])
        for (const entry of interleaved(one.feeds.entries, chance)) two.take(entry)
        two.loadPages(one)
        await one.clock.advance(BATCH_QUIET_MS + 3_600_000)
        await two.clock.advance(BATCH_QUIET_MS + 3_600_000)
        expect(verdicts(two)).toEqual(verdicts(one))
      }
    ),
    { numRuns: 200 }
  )
})

test('whatever the builds do, a batch ends, is listed then, and no cell is built without end', async () => {
  const stubbornness = fc.oneof(fc.nat(3), fc.constant(Infinity))
  await fc.assert(
    fc.asyncProperty(
      fc.array(stubbornness, { minLength: 6, maxLength: 6 }),
      fc.array(fc.subarray([...NAMES], { minLength: 1 }), { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.nat()),
      async (cells, batches, chance) => {
        const kit = new BoardKit([CP39, CP311])
        for (const each of NAMES) kit.observe(each)
        const wants = batches.map((names, index) =>
          kit.want(names, {
            targets: [CP39, CP311],
            atomic: index % 2 === 1,
            createdMs: WANTED_MS + index * 60_000
          })
        )
        await kit.clock.advance(BATCH_QUIET_MS)
        const builds = new Map<string, number>()
        const all = NAMES.flatMap((each) => [`${each}@cp39`, each])
        for (;;) {
          const offered = [...kit.offered(CP39), ...kit.offered(CP311)]
          if (offered.length === 0) break
          const next = offered[chance.next().value! % offered.length]!
          builds.set(next, (builds.get(next) ?? 0) + 1)
          if (builds.get(next)! > cells[all.indexOf(next)]!) kit.succeed(next)
          else kit.fail(next)
          // Each batch has at most as many rounds as it has cells on a target, and one more.
          expect(builds.get(next)).toBeLessThanOrEqual(batches.length * (NAMES.length + 1))
        }
        const ends = wants.map((want) => kit.board.batches.standing(want)!)
        for (const { state, failing } of ends) expect(state).toBe(failing.length > 0 ? 'stopped' : 'done')
        const built = [...kit.board.rows()].filter(({ state }) => state.kind === 'built').length
        expect(kit.listed(...NAMES)).toHaveLength(built)
      }
    ),
    { numRuns: 60 }
  )
})
