import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import type { MeshRecord, Role } from '../../src/core/record.ts'
import { createMembership } from '../../src/ledger/membership.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { makeTicket, proveJoin, termsOf } from '../../src/wire/invite.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { seedOf, signerOf } from '../support/fixture-keys.ts'
import { aGenesis } from '../support/make-record.ts'

const sealed = sealGenesis(aGenesis())
const codec = createEntryCodec(sealed.meshId, signerOf('root'), createVerifier())
const id = (name: string): NodeId => signerOf(name).nodeId
const ticketBy = (issuer: string, roles: readonly Role[] = ['build']) =>
  makeTicket(
    signerOf(issuer),
    { meshId: sealed.meshId, uses: 5, expiresMs: 1, roles, level: 'trusted' },
    seedOf(`ticket of ${issuer} ${roles.join()}`),
    []
  )
const admit = (
  author: string,
  subject: string,
  ticket = ticketBy('root')
): { author: NodeId; record: MeshRecord } => ({
  author: id(author),
  record: { kind: 'admit', subject: id(subject), proof: proveJoin(ticket, id(subject)) }
})

function membersAfter(steps: readonly { author: NodeId; record: MeshRecord }[]): readonly NodeId[] {
  const membership = createMembership(sealed.genesis, codec)
  for (const { author, record } of steps) membership.apply(author, record)
  return membership.all().map(({ node }) => node)
}

test('roots are members, and those whom a member vouches for', () => {
  expect(membersAfter([admit('root', 'a')])).toEqual([id('root'), id('a')].sort())
})

test('a member that is no inviter lets in bearers of a keeper’s ticket', () => {
  expect(membersAfter([admit('root', 'a'), admit('a', 'b')])).toEqual([id('root'), id('a'), id('b')].sort())
})

test('a ticket signed by a node that may not invite lets nobody in', () => {
  expect(membersAfter([admit('root', 'a'), admit('root', 'b', ticketBy('a'))])).not.toContain(id('b'))
})

test('a keeper’s guests may be keepers, and theirs again', () => {
  const steps = [admit('root', 'a', ticketBy('root', ['keeper'])), admit('root', 'b', ticketBy('a'))]
  expect(membersAfter(steps)).toContain(id('b'))
})

test('a stranger vouches for nobody, itself least of all', () => {
  expect(membersAfter([admit('stranger', 'stranger')])).toEqual([id('root')])
})

test('a proof for another node does not serve', () => {
  const { author, record } = admit('root', 'a')
  expect(membersAfter([{ author, record: { ...record, subject: id('b') } as MeshRecord }])).toEqual([
    id('root')
  ])
})

test('who left is out, by its own word or a root’s, not by another member’s', () => {
  const revoke = (author: string, subject: string) => ({
    author: id(author),
    record: { kind: 'revoke', subject: id(subject), reason: '' } as const
  })
  const both = [admit('root', 'a'), admit('root', 'b')]
  expect(membersAfter([...both, revoke('a', 'a')])).not.toContain(id('a'))
  expect(membersAfter([...both, revoke('root', 'a')])).not.toContain(id('a'))
  expect(membersAfter([...both, revoke('b', 'a')])).toContain(id('a'))
})

test('the order of arrival never matters', () => {
  const steps = [
    admit('root', 'a', ticketBy('root', ['keeper'])),
    admit('a', 'b', ticketBy('a')),
    admit('b', 'c'),
    admit('c', 'd', ticketBy('a')),
    { author: id('b'), record: { kind: 'revoke', subject: id('b'), reason: '' } as const }
  ]
  const expected = membersAfter(steps)
  fc.assert(
    fc.property(fc.shuffledSubarray(steps, { minLength: steps.length }), (shuffled) => {
      expect(membersAfter(shuffled)).toEqual(expected)
    })
  )
})

test('uses of a ticket are counted by subject', () => {
  const membership = createMembership(sealed.genesis, codec)
  for (const name of ['a', 'b', 'b']) {
    const { author, record } = admit('root', name)
    membership.apply(author, record)
  }
  expect(membership.usesOf(termsOf(ticketBy('root')).inviteKey)).toBe(2)
})

test('a newcomer believes itself a member, and is on record once somebody has vouched for it', () => {
  const { record } = admit('root', 'a')
  const believed = { node: id('a'), roles: ['build'], level: 'trusted' } as const
  const membership = createMembership(sealed.genesis, codec, believed)
  expect(membership.isMember(id('a'))).toBe(true)
  expect(membership.isRecorded(id('a'))).toBe(false)
  expect(membership.isRecorded(id('root'))).toBe(true)
  membership.apply(id('root'), record)
  expect(membership.isRecorded(id('a'))).toBe(true)
})
