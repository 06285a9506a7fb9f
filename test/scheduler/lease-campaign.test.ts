import { describe, expect, test } from 'vitest'
import { viewHash, type View } from '../../src/core/coordination.ts'
import type { Fence } from '../../src/core/fence.ts'
import type { NodeId } from '../../src/core/ids.ts'
import { rendezvousOrder } from '../../src/core/rendezvous.ts'
import { Campaign, type CampaignInput, type CampaignStep } from '../../src/scheduler/lease-campaign.ts'
import type { Message } from '../../src/scheduler/lease-types.ts'
import { TARGET } from './mesh.ts'

const nodes = Array.from({ length: 5 }, (_, at) => `node-${at}` as NodeId)
const [self, ...others] = rendezvousOrder(TARGET, nodes) as readonly [NodeId, ...NodeId[]]
const view: View = { epoch: 3, witnesses: nodes.slice(0, 3) }
const fenceOf = (epoch: number, holder = others[0]!): Fence => ({
  epoch,
  view: viewHash({ epoch, witnesses: nodes }),
  term: 5,
  holder
})

interface Bench {
  readonly campaign: Campaign
  at(nowMs: number, over?: Partial<CampaignInput>): CampaignStep
  answer(from: NodeId, over?: Partial<Message<'pre-vote-answer'>>): void
}

function aCampaign({ mayLead = true } = {}): Bench {
  const campaign = new Campaign({ shard: TARGET, self, present: () => nodes, mayLead: () => mayLead })
  let round = 0
  return {
    campaign,
    at(nowMs, over = {}) {
      const step = campaign.tick({
        nowMs,
        state: { view },
        heard: undefined,
        silentMs: nowMs,
        holding: false,
        ...over
      })
      if (step.kind === 'ask') round = step.message.round
      return step
    },
    answer(from, over = {}) {
      campaign.answer(from, {
        kind: 'pre-vote-answer',
        shard: TARGET,
        round,
        recent: false,
        silent: true,
        view,
        ...over
      })
    }
  }
}

/** Three tries that nobody answers, so that the view itself is taken to be out of reach. */
function afterFailedTries(bench: Bench): number {
  let nowMs = 40_000
  for (let tries = 0; tries < 3; tries++) {
    while (bench.at(nowMs).kind !== 'prepare') nowMs += 250
    const bid = { view, fence: fenceOf(3, self), sentMs: nowMs, purpose: 'election' } as const
    bench.campaign.prepare(bid)
    nowMs += 2_000
    bench.at(nowMs)
    nowMs += 2_000
  }
  return nowMs
}

describe('a candidate that asks', () => {
  test('asks those again that have not answered, and nobody else', () => {
    const bench = aCampaign()
    expect(bench.at(20_000)).toMatchObject({
      kind: 'ask',
      nodes: expect.arrayContaining([...others]) as unknown
    })
    bench.answer(others[0]!)
    expect(bench.at(20_250).kind).toBe('none')
    const again = bench.at(20_500)
    expect(again.kind === 'ask' && [...again.nodes].sort()).toEqual([...others.slice(1)].sort())
  })

  test('waits when somebody hears a holder', () => {
    const bench = aCampaign()
    bench.at(20_000)
    bench.answer(others[0]!, { recent: true, silent: false, heard: fenceOf(3) })
    expect(bench.at(20_800).kind).toBe('none')
  })

  test('does not mind a holder of an earlier view than one that it heard in force itself', () => {
    const bench = aCampaign()
    bench.at(20_000)
    bench.answer(others[0]!, { recent: true, silent: false, heard: fenceOf(2) })
    expect(bench.at(20_800, { heard: fenceOf(3) }).kind).toBe('prepare')
  })

  test('minds it when it only promised itself the later view', () => {
    const bench = aCampaign()
    bench.at(20_000)
    bench.answer(others[0]!, { recent: true, silent: false, heard: fenceOf(2) })
    expect(bench.at(20_800, { heard: undefined }).kind).toBe('none')
  })

  test('is nobody while its admission is not on record', () => {
    const bench = aCampaign({ mayLead: false })
    for (let nowMs = 0; nowMs < 120_000; nowMs += 250) expect(bench.at(nowMs).kind).toBe('none')
  })
})

describe('a view out of nothing', () => {
  function emergency(): { readonly bench: Bench; readonly step: CampaignStep } {
    const bench = aCampaign()
    let nowMs = afterFailedTries(bench)
    while (bench.at(nowMs).kind !== 'ask') nowMs += 250
    for (const node of others) bench.answer(node)
    let step: CampaignStep = { kind: 'none' }
    for (; step.kind !== 'prepare'; nowMs += 250) step = bench.at(nowMs)
    return { bench, step }
  }

  test('is asked of all who said that they hear nobody', () => {
    const { step } = emergency()
    expect(step.kind === 'prepare' && [...(step.quorum ?? [])].sort()).toEqual([...nodes].sort())
    expect(step.kind === 'prepare' && step.view.epoch).toBe(4)
  })

  test('comes to be with a majority of them, not with one of its own witnesses alone', () => {
    const { bench, step } = emergency()
    if (step.kind !== 'prepare') throw new Error('a bid was expected')
    const fence: Fence = { ...fenceOf(4, self), view: viewHash(step.view) }
    bench.campaign.prepare({ view: step.view, quorum: step.quorum!, fence, sentMs: 0, purpose: 'election' })
    const promise = { kind: 'promise', shard: TARGET, fence, claims: [] } as const
    const witnesses = step.view.witnesses.slice(0, 2)
    expect(witnesses.map((node) => bench.campaign.promised(node, promise))).toEqual([undefined, undefined])
    const third = nodes.find((node) => !witnesses.includes(node))!
    expect(bench.campaign.promised(third, promise)?.view).toEqual(step.view)
  })
})
