import { expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { createMeshState } from '../../src/ledger/mesh-state.ts'
import { createDoor } from '../../src/node/door.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { makeTicket, proveJoin, type Ticket } from '../../src/wire/invite.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { seedOf, signerOf } from '../support/fixture-keys.ts'
import { aGenesis } from '../support/make-record.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { FakeClock } from '../support/test-ports.ts'

const genesis = sealGenesis(aGenesis())
const { meshId } = genesis
const newcomer = signerOf('newcomer').nodeId

function aDoor(options: { readonly acceptLan?: boolean; readonly as?: string } = {}) {
  const signer = signerOf(options.as ?? 'root')
  const codec = createEntryCodec(meshId, signer, createVerifier())
  const state = createMeshState(genesis.genesis, codec)
  const clock = new FakeClock(1_000_000)
  const ledger = {
    append: async (...records: readonly MeshRecord[]) => {
      for (const record of records) state.membership.apply(signer.nodeId, record)
      return records.map(() => '')
    }
  }
  const door = createDoor(
    { genesis, state, ledger, codec, signer, clock, random: seededRandom(1), proof: undefined },
    { acceptLan: options.acceptLan ?? false }
  )
  return { door, state }
}

function aTicket(
  over: { readonly issuer?: string; readonly uses?: number; readonly expiresMs?: number } = {}
): Ticket {
  const { issuer = 'root', uses = 1, expiresMs = 2_000_000 } = over
  const terms = { meshId, uses, expiresMs, roles: ['build'], level: 'trusted' } as const
  return makeTicket(signerOf(issuer), terms, seedOf(`invite ${issuer} ${uses} ${expiresMs}`), [])
}

const knock = (ticket: Ticket, subject: NodeId = newcomer) => [{ subject, proof: proveJoin(ticket, subject) }]

test('a bearer of a good ticket is a member before it is told so', async () => {
  const { door, state } = aDoor()
  expect(await door.admit(newcomer, knock(aTicket()))).toBe('welcome')
  expect(state.membership.get(newcomer)).toMatchObject({ roles: ['build'], level: 'trusted' })
})

test('a member knocks again and again on one ticket of one use', async () => {
  const { door } = aDoor()
  await door.admit(newcomer, knock(aTicket()))
  expect(await door.admit(newcomer, knock(aTicket()))).toBe('welcome')
})

const other = signerOf('other').nodeId
const refusals = [
  { id: 'no proof at all', chain: [], says: /nothing proves/ },
  { id: 'a ticket that ran out', chain: knock(aTicket({ expiresMs: 999_999 })), says: /ran out on 1970/ },
  {
    id: 'a ticket by somebody who may not invite',
    chain: knock(aTicket({ issuer: 'anybody' })),
    says: /may not invite/
  },
  {
    id: 'a proof for another node',
    chain: [{ subject: newcomer, proof: proveJoin(aTicket(), other) }],
    says: /does not hold/
  },
  { id: 'a good proof of somebody else', chain: knock(aTicket(), other), says: /nothing proves/ }
]
test.for(refusals)('refused with the reason: $id', async ({ chain, says }) => {
  const { door, state } = aDoor()
  expect(await door.admit(newcomer, chain)).toEqual({ refused: expect.stringMatching(says) as string })
  expect(state.membership.isMember(newcomer)).toBe(false)
})

test('a ticket of one use lets one node in', async () => {
  const { door } = aDoor()
  const ticket = aTicket()
  expect(await door.admit(other, knock(ticket, other))).toBe('welcome')
  expect(await door.admit(newcomer, knock(ticket))).toEqual({
    refused: expect.stringMatching(/as often as/) as string
  })
})

test('a node that left does not come back on its old ticket', async () => {
  const { door, state } = aDoor()
  const ticket = aTicket({ uses: 5 })
  await door.admit(newcomer, knock(ticket))
  state.membership.apply(newcomer, { kind: 'revoke', subject: newcomer, reason: '' })
  expect(await door.admit(newcomer, knock(ticket))).toEqual({
    refused: expect.stringMatching(/revoked/) as string
  })
})

test('without a ticket only where the owner said so, and only at a keeper', async () => {
  expect(await aDoor().door.offer(newcomer, { label: '', contact: '' })).toMatchObject({
    refused: expect.any(String) as string
  })
  const { door, state } = aDoor({ acceptLan: true })
  expect(door.describe().accepts).toBe(true)
  expect(await door.offer(newcomer, { label: '', contact: '' })).toHaveProperty('proof')
  expect(state.membership.isMember(newcomer)).toBe(true)
  expect(aDoor({ acceptLan: true, as: 'guest' }).door.describe().accepts).toBe(false)
})
