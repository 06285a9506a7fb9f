import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { flipDatabase, wipe } from '../../scripts/prove-recovery/damage.ts'
import type { Feeds, Link } from '../../scripts/prove-recovery/feeds-on-disk.ts'
import { judgeFeeds } from '../../scripts/prove-recovery/judge-feeds.ts'
import { ownFeeds } from '../../scripts/prove-recovery/own-feeds.ts'
import { repairNotes } from '../../scripts/prove-recovery/repairs.ts'
import { drawRoles, isSpare, type Holdings } from '../../scripts/prove-recovery/roles.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import { Dice } from '../../src/simulation/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** A feed of so many entries; the hashes say which history it is. */
function chain(length: number, history = 'a'): readonly Link[] {
  const hash = (seq: number): string => (seq === 0 ? '' : `${history}${seq}`)
  return Array.from({ length }, (_, at) => ({
    seq: at + 1,
    hash: hash(at + 1),
    prev: hash(at),
    isSigned: true,
    records: []
  }))
}

const disk = (links: readonly Link[], feed = 'x/1'): Feeds => new Map([[feed, links]])

function verdict(before: Feeds, ...after: readonly Feeds[]): readonly string[] {
  return judgeFeeds({
    before: new Map([['one', before]]),
    after: new Map(after.map((feeds, at) => [`node-${at}`, feeds]))
  }).violations
}

describe('the judge of feeds', () => {
  test('finds nothing where all have everything, and more', () => {
    expect(verdict(disk(chain(3)), disk(chain(4)), disk(chain(4)))).toEqual([])
  })

  test('misses what one node lacks of what was known, and of what came later', () => {
    const [trouble, ...others] = verdict(disk(chain(3)), disk(chain(4)), disk(chain(2)))
    expect(trouble).toBe('node-1: lacks 1 entries of x/1 that were known before, and 1 newer ones')
    expect(others).toEqual([])
  })

  test('misses what everybody has lost', () => {
    expect(verdict(disk(chain(3)), disk(chain(2)))).toHaveLength(1)
  })

  test('sees a second history, also when nobody holds both', () => {
    const forked = [...chain(2), { ...chain(3, 'b')[2]!, prev: 'a2' }]
    expect(verdict(disk(chain(3)), disk(forked), disk(forked))).toEqual([
      'two histories: 2 different entries were at x/1#3'
    ])
  })

  test.for([
    ['a hole', [chain(3)[0]!, chain(3)[2]!], 3],
    ['a wrong predecessor', [chain(2)[0]!, { ...chain(2)[1]!, prev: 'other' }], 2],
    ['a signature that is none', [chain(1)[0]!, { ...chain(2)[1]!, isSigned: false }], 2],
    ['no beginning', chain(2).slice(1), 2]
  ] as const)('sees %s', ([, links, at]) => {
    expect(verdict(new Map(), disk(links))).toContain(`node-0: the chain of x/1 breaks at entry ${at}`)
  })
})

test('own feeds tell where the old copy ended, where the feed was, and where it is now', () => {
  const disks = {
    copy: disk(chain(2)),
    before: new Map([['a', disk(chain(5))]]),
    after: new Map([
      ['a', new Map([...disk(chain(5)), ...disk(chain(3, 'n'), 'x/2'), ...disk(chain(1), 'y/1')])]
    ])
  }
  expect(ownFeeds({ restored: 'x' }, disks)).toEqual([
    { node: 'restored', incarnation: '1', inCopy: 2, before: 5, after: 5 },
    { node: 'restored', incarnation: '2', inCopy: 0, before: 0, after: 3 }
  ])
})

const NODES = ['a', 'b', 'c', 'd', 'e']
const blob = (name: string): Sha256 => sha256Hex(name)
const holding = (
  held: Readonly<Record<string, readonly string[]>>
): ReadonlyMap<string, ReadonlySet<Sha256>> =>
  new Map(NODES.map((node) => [node, new Set((held[node] ?? []).map(blob))]))
const kept = (...names: readonly string[]): Parameters<typeof drawRoles>[1] =>
  names.map((name) => ({ sha256: blob(name), key: blob(name), kind: 'wheel' }))

describe('who suffers what', () => {
  test('is drawn so that every blob has a copy left', () => {
    // Two old blobs, and two that came after the old copies were made.
    const now = holding({
      a: ['p', 'n'],
      b: ['p', 'q'],
      c: ['q', 'n', 'm'],
      d: ['p', 'm'],
      e: ['q', 'm', 'n']
    })
    const holdings: Holdings = {
      now,
      old: holding({ a: ['p'], b: ['p', 'q'], c: ['q'], d: ['p'], e: ['q'] })
    }
    for (let seed = 1; seed <= 50; seed++) {
      const { roles, doomed } = drawRoles(NODES, kept('p', 'q', 'n', 'm'), holdings, new Dice(seed, 'roles'))
      expect(doomed).toEqual([])
      expect(Object.values(roles).sort()).toEqual(NODES)
      const { unharmed, flipped } = roles
      for (const late of ['n', 'm'])
        expect([unharmed, flipped].some((node) => now.get(node)?.has(blob(late)))).toBe(true)
    }
  })

  test('costs as little as it can where it must cost something, and says what', () => {
    const holdings: Holdings = { now: holding({}), old: holding({}) }
    const { doomed } = drawRoles(NODES, kept('nowhere'), holdings, new Dice(1, 'roles'))
    expect(doomed.map(({ sha256 }) => sha256)).toEqual([blob('nowhere')])
  })

  test('the last copy of a blob is not spare', () => {
    const roles = { wiped: 'a', replaced: 'b', restored: 'c', flipped: 'd', unharmed: 'e' }
    const holdings: Holdings = {
      now: holding({ c: ['late'], d: ['only', 'late', 'safe'], e: ['safe'] }),
      old: holding({ c: ['old'] })
    }
    expect(['only', 'late', 'safe', 'old'].map((name) => isSpare(blob(name), roles, holdings))).toEqual([
      false,
      false,
      true,
      true
    ])
  })
})

describe('damage', () => {
  async function folder(): Promise<string> {
    const dataDir = await tempFolder()
    await mkdir(join(dataDir, 'ledger'))
    for (const name of ['000005.ldb', '000007.log', 'MANIFEST-000004', 'LOG', 'CURRENT'])
      await writeFile(join(dataDir, 'ledger', name), Buffer.alloc(1_000, name))
    await writeFile(join(dataDir, 'ledger', '000009.log'), '')
    return dataDir
  }

  test('flips as many bytes as it says, in every file of the database, and nowhere else', async () => {
    const dataDir = await folder()
    const flips = await flipDatabase(dataDir, 5, new Dice(3, 'flips'))
    expect(flips).toHaveLength(5)
    expect(new Set(flips.map(({ file }) => file))).toEqual(
      new Set(['ledger/000005.ldb', 'ledger/000007.log', 'ledger/MANIFEST-000004'])
    )
    for (const { from, to } of flips) expect(to).not.toBe(from)
    for (const file of new Set(flips.map(({ file }) => file))) {
      const name = file.slice('ledger/'.length)
      const bytes = await readFile(join(dataDir, file))
      const wrong = [...bytes].flatMap((byte, at) => (byte === Buffer.alloc(1_000, name)[at] ? [] : [at]))
      expect(wrong).toEqual(
        [...new Set(flips.filter((one) => one.file === file).map(({ offset }) => offset))].sort(
          (a, b) => a - b
        )
      )
    }
    expect(await readFile(join(dataDir, 'ledger', 'CURRENT'))).toEqual(Buffer.alloc(1_000, 'CURRENT'))
  })

  test('is the same for the same seed', async () => {
    const [one, two] = [await folder(), await folder()]
    expect(await flipDatabase(one, 4, new Dice(9, 'flips'))).toEqual(
      await flipDatabase(two, 4, new Dice(9, 'flips'))
    )
  })

  test('a wiped folder keeps what it is to keep', async () => {
    const dataDir = await folder()
    await writeFile(join(dataDir, 'node.key'), 'the key')
    await wipe(dataDir, ['node.key', 'mesh.cbor'])
    expect(await readFile(join(dataDir, 'node.key'), 'utf8')).toBe('the key')
    await expect(readFile(join(dataDir, 'ledger', 'CURRENT'))).rejects.toThrow('ENOENT')
  })
})

test('notes of a log: what a node said since, each once, without its daily work', () => {
  const line = (level: number, msg: string, facts = {}): string =>
    `${JSON.stringify({ level, time: 't', ...facts, msg })}\n`
  const old = line(40, 'long ago')
  const log = [
    old,
    'data folder /x\n',
    line(30, 'building', { job: 'j' }),
    line(40, 'a file had rotted', { digest: 'd' }),
    line(40, 'a file had rotted', { digest: 'e' }),
    line(20, 'a detail'),
    '{"level":30,"msg":"cut off'
  ].join('')
  expect(repairNotes(log, old.length)).toEqual([
    { level: 'warn', text: 'a file had rotted', times: 2, facts: '{"digest":"d"}' }
  ])
})
