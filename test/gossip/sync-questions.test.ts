import { expect, test } from 'vitest'
import type { FrameStream } from '../../src/gossip/frame-stream.ts'
import { unserve } from '../../src/gossip/member-protocol.ts'
import { SyncHeads } from '../../src/gossip/sync-heads.ts'
import { serveSync } from '../../src/gossip/sync-server.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { silentLog } from '../support/test-ports.ts'
import { eventually } from './mesh.ts'
import { ask, startPair } from './sync-peers.ts'

const eve = signerOf('eve').nodeId
const ZEROS = '0'.repeat(16)

test.for([
  {
    id: 'a question of another shape',
    play: (stream: FrameStream) => stream.write(['heads']),
    rule: /not a map/
  },
  {
    id: 'a question that does not exist',
    play: (stream: FrameStream) => stream.write({ ask: 'everything' }),
    rule: /does not know/
  },
  {
    id: 'more pages at once than allowed',
    play: (stream: FrameStream) => stream.write({ ask: 'range', wants: [], pages: 99 }),
    rule: /pages/
  },
  {
    id: 'more wants than allowed',
    play: (stream: FrameStream) =>
      stream.write({ ask: 'range', wants: Array.from({ length: 257 }, () => [eve, ZEROS, 1, 1]), pages: 1 }),
    rule: /wants/
  },
  {
    id: 'the heads twice in a session',
    play: async (stream: FrameStream) => {
      const question = { ask: 'heads', digest: new Uint8Array(32), prompted: true }
      await stream.write(question)
      await stream.read()
      await stream.write(question)
    },
    rule: /twice/
  }
])('a client that asks $id is cut off and blamed', async ({ play, rule }) => {
  const pair = await startPair()
  const { host } = pair.node.network
  const blamed: string[] = []
  await unserve(host, 'sync')
  const source = pair.node.ledger
  const blame = (_: unknown, why: string): void => void blamed.push(why)
  await serveSync({ host, source, index: new SyncHeads(source), log: silentLog, blame }, () => undefined)
  const stream = await ask(pair)
  await play(stream)
  await expect(stream.read()).rejects.toThrow()
  await eventually(() => blamed, [expect.stringMatching(rule)])
})

test('"more" without a range is not answered: the last page may have crossed it', async () => {
  const pair = await startPair()
  const stream = await ask(pair)
  for (let i = 0; i < 5; i++) await stream.write({ ask: 'more', skip: [] })
  await stream.write({ ask: 'proof', feed: [eve, ZEROS] })
  expect(await stream.read()).toEqual({})
})
