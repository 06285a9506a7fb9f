import { expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import { BARRED_MS } from '../../src/gossip/gossip-limits.ts'
import { createPeerStanding } from '../../src/gossip/peer-standing.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'
import { eventually, startMesh } from './mesh.ts'

const liar = 'liar' as NodeId

function aStanding() {
  const clock = new FakeClock()
  return { clock, standing: createPeerStanding({ clock, log: silentLog }) }
}

test('ten messages in a row that no honest node can send bar a member for ten minutes', async () => {
  const { clock, standing } = aStanding()
  const barred = Array.from({ length: 10 }, () => standing.blame(liar, 'not-the-builder'))
  expect(barred).toEqual([...Array.from({ length: 9 }, () => false), true])
  expect(standing.isBarred(liar)).toBe(true)
  expect(standing.isBarred('another' as NodeId)).toBe(false)
  await clock.advance(BARRED_MS - 1)
  expect(standing.isBarred(liar)).toBe(true)
  await clock.advance(1)
  expect(standing.isBarred(liar)).toBe(false)
})

test('what was on its way when it was barred does not bar it for longer', async () => {
  const { clock, standing } = aStanding()
  for (let n = 0; n < 200; n++) standing.blame(liar, 'not-the-builder')
  await clock.advance(BARRED_MS)
  expect(standing.isBarred(liar)).toBe(false)
  expect(standing.blame(liar, 'not-the-builder')).toBe(false)
})

test('one such message a minute bars nobody', async () => {
  const { clock, standing } = aStanding()
  for (let n = 0; n < 1_000; n++) {
    expect(standing.blame(liar, 'malformed')).toBe(false)
    await clock.advance(60_000)
  }
})

test('a member that is blamed too often is hung up on, and neither heard nor dialled; the others stay', async () => {
  const [one, two, three] = await startMesh(['one', 'two', 'three'])
  const heard: string[] = []
  one!.network.messenger.onMessage((from, message) => {
    heard.push(from)
    if (message[0] === 0) one!.network.blame(from, 'malformed')
  })
  for (let n = 0; n < 10; n++) two!.network.messenger.send(one!.id, Uint8Array.of(0))
  await eventually(() => one!.network.connected(), [three!.id])
  const before = heard.length
  expect(before).toBe(10)
  // The other side still takes it for a member, and dials again and again: nothing of what it says is heard.
  for (let n = 0; n < 5; n++) two!.network.messenger.send(one!.id, Uint8Array.of(1))
  three!.network.messenger.send(one!.id, Uint8Array.of(1))
  await eventually(() => heard.slice(before), [three!.id])
  expect(one!.network.host.isMember(two!.id)).toBe(false)
})
