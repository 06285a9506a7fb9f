import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ObserverAnswer } from '../../src/core/ports.ts'
import { createObserverExchange } from '../../src/gossip/observe-protocol.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { startMesh, startNode } from './mesh.ts'

const demo = normalizeName('demo')
const answers: readonly ObserverAnswer[] = [
  { kind: 'observed', record: `${sha256Hex('entry')}:7`, ageMs: 12 },
  { kind: 'missing', ageMs: 0 },
  { kind: 'trouble', reason: 'UPSTREAM_UNAVAILABLE status=503' },
  { kind: 'elsewhere' }
]

test('each kind of answer comes as it was given', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  for (const answer of answers) {
    one!.network.observers.onAsked(async (project) => {
      expect(project).toBe(demo)
      return answer
    })
    expect(await two!.network.observers.ask(one!.id, demo)).toEqual(answer)
  }
})

test('who has no desk follows nothing', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  expect(await two!.network.observers.ask(one!.id, demo)).toEqual({ kind: 'elsewhere' })
})

test('an answer may take longer than the first word, and questions share the connection', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  one!.network.observers.onAsked(async (project) => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return { kind: 'missing', ageMs: project.length }
  })
  const names = Array.from({ length: 40 }, (_, i) => normalizeName('x'.repeat(i + 1)))
  const asked = await Promise.all(names.map((name) => two!.network.observers.ask(one!.id, name)))
  expect(asked).toEqual(names.map((name) => ({ kind: 'missing', ageMs: name.length })))
})

test('a member that is not there, and one of an older version, are known in time', async () => {
  const one = await startNode('one')
  const gone = signerOf('gone').nodeId
  one.ledger.members.add(gone)
  await expect(one.network.observers.ask(gone, demo)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  const [two, old] = await startMesh(['two', 'old'])
  await old!.network.host.libp2p.unhandle(
    old!.network.host.libp2p.getProtocols().filter((protocol) => protocol.includes('/observe/'))
  )
  await expect(two!.network.observers.ask(old!.id, demo)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
})

test('one that takes the question and says nothing is given up on', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  const [protocol = ''] = one!.network.host.libp2p.getProtocols().filter((name) => name.includes('/observe/'))
  await one!.network.host.libp2p.unhandle(protocol)
  await one!.network.host.libp2p.handle(protocol, () => undefined)
  const impatient = createObserverExchange(two!.network.host, { wordMs: 100 })
  await expect(impatient.ask(one!.id, demo)).rejects.toThrow()
})

test('a question can be called off', async () => {
  const [one, two] = await startMesh(['one', 'two'])
  one!.network.observers.onAsked(() => new Promise<never>(() => undefined))
  const calling = new AbortController()
  const asking = two!.network.observers.ask(one!.id, demo, { signal: calling.signal })
  setTimeout(() => {
    calling.abort(new Error('enough'))
  }, 100)
  await expect(asking).rejects.toThrow()
})
