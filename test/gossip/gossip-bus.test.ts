import { expect, test } from 'vitest'
import type { Verdict } from '../../src/core/ports.ts'
import { MAX_ENTRY_BYTES } from '../../src/core/limits.ts'
import { eventually, startMesh, type TestNode } from './mesh.ts'

interface Heard {
  readonly text: string
  readonly from: string
}

function listen(node: TestNode, verdict: (text: string) => Verdict = () => 'accept'): Heard[] {
  const heard: Heard[] = []
  node.network.bus.subscribe('entries', (bytes, from) => {
    const text = new TextDecoder().decode(bytes)
    heard.push({ text, from })
    return verdict(text)
  })
  return heard
}

function scoreOf(judge: TestNode, of: TestNode): number {
  const { pubsub } = judge.network.host
  if (!('score' in pubsub)) throw new TypeError('gossipsub has no scores')
  return (pubsub.score as { score(peer: string): number }).score(of.id)
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

async function meshed(...nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) {
    await eventually(() => {
      const { pubsub } = node.network.host
      return pubsub.getTopics().every((topic) => pubsub.getSubscribers(topic).length > 0)
    }, true)
  }
}

test('an accepted message reaches members that the sender is not connected to', async () => {
  const [hub, one, two] = await startMesh(['hub', 'one', 'two'])
  listen(hub!)
  const heardByTwo = listen(two!)
  listen(one!)
  await meshed(hub!, one!, two!)
  expect(await one!.network.bus.publish('entries', bytesOf('news'))).toBeGreaterThan(0)
  await eventually(() => heardByTwo, [{ text: 'news', from: hub!.id }])
})

test('an ignored message goes no further and costs its sender nothing', async () => {
  const [hub, one, two] = await startMesh(['hub', 'one', 'two'])
  const heardByHub = listen(hub!, (text) => (text === 'old' ? 'ignore' : 'accept'))
  const heardByTwo = listen(two!)
  listen(one!)
  await meshed(hub!, one!, two!)
  await one!.network.bus.publish('entries', bytesOf('old'))
  await eventually(() => heardByHub.length, 1)
  await one!.network.bus.publish('entries', bytesOf('new'))
  await eventually(() => heardByTwo.map(({ text }) => text), ['new'])
  expect(scoreOf(hub!, one!)).toBeGreaterThanOrEqual(0)
})

test('who sends garbage is graylisted, and then not even judged', async () => {
  const [hub, bad, good] = await startMesh(['hub', 'bad', 'good'])
  const heard = listen(hub!, (text) => (text.startsWith('garbage') ? 'reject' : 'accept'))
  listen(bad!)
  listen(good!)
  await meshed(hub!, bad!, good!)
  for (let i = 0; i < 6; i++) await bad!.network.bus.publish('entries', bytesOf(`garbage ${i}`))
  await eventually(() => scoreOf(hub!, bad!) < -160, true)
  await bad!.network.bus.publish('entries', bytesOf('sounds good'))
  await good!.network.bus.publish('entries', bytesOf('is good'))
  await eventually(() => heard.map(({ text }) => text).includes('is good'), true)
  expect(heard.map(({ text }) => text)).not.toContain('sounds good')
})

test('a judge that throws loses the message, not the node', async () => {
  const [hub, one] = await startMesh(['hub', 'one'])
  const heard = listen(hub!, (text) => {
    if (text === 'bang') throw new Error('bug in the judge')
    return 'accept'
  })
  listen(one!)
  await meshed(hub!, one!)
  await one!.network.bus.publish('entries', bytesOf('bang'))
  await one!.network.bus.publish('entries', bytesOf('next'))
  await eventually(() => heard.map(({ text }) => text), ['bang', 'next'])
})

test('a message larger than an entry is not sent', async () => {
  const [one] = await startMesh(['one'])
  listen(one!)
  await expect(
    one!.network.bus.publish('entries', new Uint8Array(MAX_ENTRY_BYTES + 1))
  ).rejects.toMatchObject({
    code: 'FRAME_TOO_LARGE'
  })
})

test('a lonely node publishes to nobody without an error', async () => {
  const [one] = await startMesh(['one'])
  listen(one!)
  expect(await one!.network.bus.publish('entries', bytesOf('hello?'))).toBe(0)
})
