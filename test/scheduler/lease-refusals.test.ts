import { describe, expect, test } from 'vitest'
import { viewHash, type LeaseMessage, type View } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { NodeId } from '../../src/core/ids.ts'
import { MAX_COUNTER_LEAP } from '../../src/core/limits.ts'
import type { LeaseRefusal } from '../../src/scheduler/lease-types.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { decodeCoordination } from '../../src/wire/coordination-codec.ts'
import { messages } from '../vectors/coordination-samples.ts'
import { LeaseMesh, nodeName } from './lease-mesh.ts'
import { TARGET } from './mesh.ts'

const shard = TARGET
const stranger = 'stranger' as NodeId

/** A mesh of three in office for a while. `bad` is no holder; `good` is the third. */
function inOffice() {
  const mesh = new LeaseMesh({ nodes: 3, seed: 1 })
  mesh.run(20_000)
  const first = mesh.holder()
  const [bad, good] = mesh.nodes.filter((node) => node !== first).map(({ id }) => id)
  const fence = first.lease.fence()!
  return { mesh, first: first.id, bad: bad!, good: good!, fence, view: first.lease.view() }
}

type Scene = ReturnType<typeof inOffice>

function fenceOf(view: View, holder: NodeId, term: number): Fence {
  return { epoch: view.epoch, view: viewHash(view), term, holder }
}

function beat(fence: Fence, view: View): LeaseMessage {
  return { kind: 'beat', shard, fence, witnesses: view.witnesses, seq: 1 }
}

function viewOf(epoch: number, ...witnesses: NodeId[]): View {
  return { epoch, witnesses }
}

/** What `good` says to `message` from `bad`. */
const cases: readonly (readonly [
  what: string,
  expected: LeaseRefusal,
  message: (scene: Scene) => LeaseMessage
])[] = [
  [
    'a beat in the name of the holder',
    { rule: 'foreign-fence', blame: true },
    ({ fence, view }) => beat(fence, view)
  ],
  [
    'a prepare in the name of the holder',
    { rule: 'foreign-fence', blame: true },
    ({ fence, view }) => ({ kind: 'prepare', shard, fence: { ...fence, term: 9 }, view })
  ],
  [
    'an acknowledgement of what another beat',
    { rule: 'foreign-fence', blame: true },
    ({ fence }) => ({ kind: 'ack', shard, fence, seq: 1 })
  ],
  [
    'a promise to another candidate',
    { rule: 'foreign-fence', blame: true },
    ({ fence }) => ({ kind: 'promise', shard, fence, claims: [] })
  ],
  [
    'a refusal of what another prepared',
    { rule: 'foreign-fence', blame: true },
    ({ fence, view }) => ({ kind: 'refuse', shard, fence, highest: fence, view })
  ],
  [
    'a fence of another view',
    { rule: 'view-hash-mismatch', blame: true },
    ({ bad, view }) => ({ kind: 'prepare', shard, fence: fenceOf(viewOf(0, bad), bad, 9), view })
  ],
  [
    'a fence of another epoch than its view',
    { rule: 'view-hash-mismatch', blame: true },
    ({ bad, view }) => ({ kind: 'prepare', shard, fence: { ...fenceOf(view, bad, 9), epoch: 5 }, view })
  ],
  [
    'a view without witnesses',
    { rule: 'unsound-view', blame: true },
    ({ bad }) => beat(fenceOf(viewOf(1), bad, 9), viewOf(1))
  ],
  [
    'a view that counts a witness twice',
    { rule: 'unsound-view', blame: true },
    ({ bad, good }) => beat(fenceOf(viewOf(1, bad, bad, good), bad, 9), viewOf(1, bad, bad, good))
  ],
  [
    'a view that replaces a later one',
    { rule: 'unsound-view', blame: true },
    ({ bad }) => {
      const view = viewOf(1, bad)
      return { kind: 'prepare', shard, fence: fenceOf(view, bad, 9), view, replaces: viewOf(2, bad) }
    }
  ],
  [
    'a witness that nobody admitted',
    { rule: 'stranger-witness', blame: false },
    ({ bad }) => beat(fenceOf(viewOf(1, bad, stranger), bad, 9), viewOf(1, bad, stranger))
  ],
  [
    'a term far above all others',
    { rule: 'term-leap', blame: true },
    ({ bad, view, fence }) => beat(fenceOf(view, bad, fence.term + MAX_COUNTER_LEAP + 1), view)
  ],
  [
    'an epoch far above all others',
    { rule: 'epoch-leap', blame: true },
    ({ bad }) => beat(fenceOf(viewOf(MAX_COUNTER_LEAP + 1, bad), bad, 1), viewOf(MAX_COUNTER_LEAP + 1, bad))
  ],
  [
    'a beat below one that was heard',
    { rule: 'stale-fence', blame: false },
    ({ bad, view }) => beat(fenceOf(view, bad, 0), view)
  ],
  [
    'a prepare while the holder is promised',
    { rule: 'promised-to-another', blame: false },
    ({ bad, view, fence }) => ({ kind: 'prepare', shard, fence: fenceOf(view, bad, fence.term + 1), view })
  ],
  [
    'a promise that nobody asked for',
    { rule: 'unasked', blame: false },
    ({ good, view }) => ({ kind: 'promise', shard, fence: fenceOf(view, good, 5), claims: [] })
  ],
  [
    'an answer to a pre-vote that there was not',
    { rule: 'unasked', blame: false },
    ({ view }) => ({ kind: 'pre-vote-answer', shard, round: 99, recent: true, silent: false, view })
  ],
  [
    'an objection to a holder that it is not',
    { rule: 'unasked', blame: false },
    ({ fence, view }) => ({ kind: 'nack', shard, highest: fence, view })
  ],
  [
    "a hand-over of what is another node's",
    { rule: 'not-the-holder', blame: false },
    ({ bad, good, view }) => ({
      kind: 'hand-over',
      shard,
      fence: fenceOf(view, bad, 9),
      to: good,
      claims: [],
      complete: true
    })
  ]
]

describe('what a member is refused, by name', () => {
  test.for(cases)('%s', ([, expected, message]) => {
    const scene = inOffice()
    const { mesh, bad, good, first } = scene
    const before = mesh.node(good).lease.view()
    expect(mesh.say(bad, good, message(scene))).toEqual(expected)
    // And nothing came of it.
    expect(mesh.node(good).lease.view()).toEqual(before)
    mesh.run(30_000, () => {
      expect(mesh.holders().map(({ id }) => id)).toEqual([first])
      return false
    })
  })

  test('a prepare by somebody the witness never promised, while the holder is heard by gossip alone', () => {
    const { mesh, first, bad, good, fence, view } = inOffice()
    const deafFor = 10_000
    mesh.reaches = (from, to, { kind }) => !(kind === 'beat' && from === first && to === good)
    mesh.run(deafFor)
    mesh.say(first, good, beat(fence, view), true)
    const message: LeaseMessage = { kind: 'prepare', shard, fence: fenceOf(view, bad, fence.term + 1), view }
    expect(mesh.say(bad, good, message)).toEqual({ rule: 'holder-alive', blame: false })
  })

  test('a view of its own after the holder fell silent, before the others have given it up', () => {
    const { mesh, bad, good } = inOffice()
    for (const node of mesh.nodes) mesh.kill(node)
    mesh.run(15_500)
    const view = viewOf(3, bad)
    const message: LeaseMessage = { kind: 'prepare', shard, fence: fenceOf(view, bad, 9), view }
    expect(mesh.say(bad, good, message)).toEqual({ rule: 'view-still-heard', blame: false })
  })

  test('an acknowledgement by a node that the beat did not name', () => {
    const mesh = new LeaseMesh({ nodes: 2, witnesses: 1, seed: 1 })
    mesh.run(20_000)
    const { id, lease } = mesh.holder()
    const other = mesh.nodes.find((node) => node.id !== id)!.id
    const ack: LeaseMessage = { kind: 'ack', shard, fence: lease.fence()!, seq: 1 }
    expect(lease.view().witnesses).not.toContain(other)
    expect(mesh.say(other, id, ack)).toEqual({ rule: 'not-a-witness', blame: true })
  })

  test('a second proposal, by another node, for a view that has one', () => {
    const mesh = new LeaseMesh({ nodes: 4, witnesses: 3, seed: 1 })
    const [one, two, witness] = [nodeName(0), nodeName(1), nodeName(2)]
    const current = mesh.node(witness).lease.view()
    const propose = (by: NodeId, view: View, term: number) =>
      mesh.say(by, witness, {
        kind: 'prepare',
        shard,
        fence: fenceOf(view, by, term),
        view,
        replaces: current
      })
    expect(propose(one, viewOf(1, one, two, nodeName(3)), 1)).toBeUndefined()
    mesh.kill(mesh.node(one))
    mesh.nodes.forEach((node) => (node.pausedUntilMs = 10_100))
    mesh.run(10_050)
    expect(propose(two, viewOf(2, two, witness, nodeName(3)), 5)).toEqual({
      rule: 'pending-view',
      blame: false
    })
    expect(propose(two, viewOf(1, one, two, nodeName(3)), 5)).toBeUndefined()
  })

  test('a prepare from before its sender knew the view', () => {
    const mesh = new LeaseMesh({ nodes: 4, witnesses: 1, seed: 1 })
    const old = mesh.nodes[0]!.lease.view()
    mesh.run(30_000)
    const [asked, by] = [mesh.nodes[0]!.id, nodeName(1)]
    const message: LeaseMessage = { kind: 'prepare', shard, fence: fenceOf(old, by, 50), view: old }
    expect(mesh.say(by, asked, message)).toEqual({ rule: 'stale-view', blame: false })
  })

  test('numbers told by others are taken only in steps that an honest mesh could make', () => {
    const { mesh, first, bad, fence, view } = inOffice()
    const highest = { ...fence, term: fence.term + MAX_COUNTER_LEAP + 1, holder: bad }
    expect(mesh.say(bad, first, { kind: 'nack', shard, highest, view })).toEqual({
      rule: 'term-leap',
      blame: false
    })
  })
})

describe('numbers that are none', () => {
  const fenced = messages.flatMap((message) => ('fence' in message ? [message] : []))
  const absurd = [-1, 2 ** 53, 2 ** 53 - 1, 2 ** 40 + 1, 1.5]
  test.for(fenced.flatMap((message) => absurd.map((value) => ({ message, kind: message.kind, value }))))(
    '$kind with $value for a term or an epoch ends at the codec',
    ({ message, value }) => {
      for (const field of ['term', 'epoch']) {
        const bytes = encodeCbor({ ...message, fence: { ...message.fence, [field]: value } })
        expect(() => decodeCoordination(bytes)).toThrow()
      }
      expect(decodeCoordination(encodeCbor(message))).toEqual(message)
    }
  )
})
