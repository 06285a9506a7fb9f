import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareFences, type Fence } from '../../src/core/fence.ts'
import type { NodeId } from '../../src/core/ids.ts'
import type { WitnessMemory } from '../../src/scheduler/lease-types.ts'
import type { ProtocolRules } from '../../src/scheduler/protocol-rules.ts'
import { BROKEN_RULES } from '../simulation/broken-rules.ts'
import { LeaseMesh } from './lease-mesh.ts'

/** Over before a view would be given up: whoever is cut off longer goes on alone. */
interface Trouble {
  readonly kind: 'kill' | 'pause' | 'stop' | 'deaf' | 'mute' | 'deaf-to'
  readonly node: number
  readonly other: number
  readonly forMs: number
}

const trouble: fc.Arbitrary<Trouble> = fc.record({
  kind: fc.constantFrom('kill', 'pause', 'stop', 'deaf', 'mute', 'deaf-to'),
  node: fc.nat(6),
  other: fc.nat(6),
  forMs: fc.integer({ min: 500, max: 20_000 })
})
const story = fc.record({
  seed: fc.nat(2 ** 31),
  nodes: fc.integer({ min: 3, max: 7 }),
  witnesses: fc.constantFrom(1, 3, 5),
  loss: fc.constantFrom(0, 0.02, 0.1),
  troubles: fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 15_000 }), trouble }), { maxLength: 12 })
})
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

/** Who may grant when more than one may; undefined when that never happened. */
function tell({ seed, nodes, witnesses, loss, troubles }: Story, rules?: ProtocolRules): string | undefined {
  const options = { seed, nodes, witnesses: Math.min(witnesses, nodes), loss, diskMs: 50 }
  const mesh = new LeaseMesh(rules === undefined ? options : { ...options, rules })
  const unheard = new Set<string>()
  mesh.reaches = (from, to) => !['*>' + to, from + '>*', `${from}>${to}`].some((link) => unheard.has(link))
  const memories = new Map<NodeId, WitnessMemory>()
  let doubled: string | undefined
  const watch = (): boolean => {
    if (mesh.holders().length > 1)
      doubled ??= `${mesh.nowMs}: ${mesh
        .holders()
        .map(({ id }) => id)
        .join()}`
    for (const { id, memory } of mesh.nodes) {
      const before = memories.get(id)
      if (memory === undefined || memory === before) continue
      if (before !== undefined)
        expect(compareFences(memory.highest, before.highest)).toBeGreaterThanOrEqual(0)
      memories.set(id, memory)
    }
    return doubled !== undefined
  }
  mesh.run(20_000, watch)
  for (const { afterMs, trouble } of troubles) {
    begin(mesh, trouble, unheard)
    mesh.run(afterMs, watch)
  }
  mesh.run(25_000, watch)
  // Each end of a mesh that went without a holder for half a minute may form a view of its own (C4): that is a cut.
  if (doubled !== undefined) return formedViewAlone(mesh) ? undefined : doubled
  expect(mesh.run(90_000, () => watch() || mesh.holders().length === 1)).toBe(true)
  return doubled
}

/** Somebody promised in a view that nobody had held in before, and that was not to replace another by a majority of both. */
function formedViewAlone({ sent }: LeaseMesh): boolean {
  const known = new Set<string>()
  const nameOf = ({ epoch, view }: Fence): string => `${epoch} ${view}`
  return sent.some(({ message }) => {
    if (message.kind === 'beat') known.add(nameOf(message.fence))
    if (message.kind === 'prepare' && message.replaces !== undefined) known.add(nameOf(message.fence))
    return message.kind === 'promise' && message.fence.epoch > 0 && !known.has(nameOf(message.fence))
  })
}

function begin(mesh: LeaseMesh, trouble: Trouble, unheard: Set<string>): void {
  const victim = mesh.nodes[trouble.node % mesh.nodes.length]!
  if (trouble.kind === 'pause') victim.pausedUntilMs = mesh.nowMs + trouble.forMs
  else if (trouble.kind === 'kill' || trouble.kind === 'stop') {
    if (!victim.up) return
    mesh[trouble.kind](victim)
    mesh.at(Math.max(2, trouble.forMs), () => {
      if (!victim.up) mesh.boot(victim)
    })
  } else {
    const link =
      trouble.kind === 'deaf'
        ? `*>${victim.id}`
        : trouble.kind === 'mute'
          ? `${victim.id}>*`
          : `${mesh.nodes[trouble.other % mesh.nodes.length]!.id}>${victim.id}`
    unheard.add(link)
    mesh.at(trouble.forMs, () => unheard.delete(link))
  }
}

describe('a mesh whose nodes die, pause, stop, and for a while do not hear one another', () => {
  test('never has two that may grant, forgets no fence over a restart, and is led again in the end', () => {
    fc.assert(
      fc.property(story, (one) => {
        expect(tell(one)).toBeUndefined()
      }),
      { numRuns: 100, interruptAfterTimeLimit: 40_000, endOnFailure: true }
    )
  }, 60_000)

  test('has two with broken rules: forgetfulWitnesses', { timeout: 60_000 }, () => {
    const found = fc.check(
      fc.property(story, (one) => tell(one, BROKEN_RULES.forgetfulWitnesses) === undefined),
      { numRuns: 1_500, seed: 1, endOnFailure: true }
    )
    expect(found.failed).toBe(true)
  })
})

describe('a holder that is cut off, and whose last acknowledgements were ten seconds on their way', () => {
  const mayGrantTogether = (rules?: ProtocolRules): number => {
    const mesh = new LeaseMesh({ nodes: 3, seed: 2, ...(rules === undefined ? {} : { rules }) })
    mesh.run(20_000)
    const first = mesh.holder().id
    mesh.sent.length = 0
    mesh.run(10_000, () => mesh.sent.at(-1)?.message.kind === 'ack' && mesh.sent.at(-1)?.from !== first)
    mesh.reaches = (from, to, message) => {
      if (message.kind === 'ack' && to === first) mesh.at(10_500, () => mesh.say(from, to, message))
      return from !== first && to !== first
    }
    for (const { from, to, message } of mesh.sent.filter(({ message }) => message.kind === 'ack').slice(-3))
      if (to === first) mesh.at(10_500, () => mesh.say(from, to, message))
    let most = 0
    mesh.run(30_000, () => {
      most = Math.max(most, mesh.holders().length)
      return false
    })
    return most
  }

  test('has no authority from them: it counts from the sending of its beat', () => {
    expect(mayGrantTogether()).toBe(1)
  })

  test('grants beside the next one with broken rules: authorityFromAcknowledgement', () => {
    expect(mayGrantTogether(BROKEN_RULES.authorityFromAcknowledgement)).toBe(2)
  })
})

describe('a node whose link to the holder is broken for minutes, but to nobody else', () => {
  const mayGrantTogether = (rules?: ProtocolRules): number => {
    const mesh = new LeaseMesh({ nodes: 5, seed: 2, ...(rules === undefined ? {} : { rules }) })
    mesh.run(20_000)
    const first = mesh.holder()
    const deaf = mesh.nodes.find((one) => one !== first)!
    const link = [first.id, deaf.id]
    mesh.reaches = (from, to) => from === to || !link.includes(from) || !link.includes(to)
    let most = 0
    mesh.run(180_000, () => {
      most = Math.max(most, mesh.holders().length)
      return false
    })
    return most
  }

  test('asks the others, and leaves the holder alone', () => {
    expect(mayGrantTogether()).toBe(1)
  })

  test('takes a lease of its own with broken rules: noPreVote', () => {
    expect(mayGrantTogether(BROKEN_RULES.noPreVote)).toBe(2)
  })
})
