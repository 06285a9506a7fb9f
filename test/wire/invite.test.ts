import { expect, test } from 'vitest'
import { sealGenesis } from '../../src/wire/genesis.ts'
import {
  checkJoinProof,
  formatTicket,
  makeTicket,
  parseTicket,
  proveJoin,
  termsOf
} from '../../src/wire/invite.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { seedOf, signerOf } from '../support/fixture-keys.ts'
import { aGenesis } from '../support/make-record.ts'

const { meshId } = sealGenesis(aGenesis())
const verifier = createVerifier()
const root = signerOf('root')
const newcomer = signerOf('newcomer').nodeId
const terms = { meshId, uses: 1, expiresMs: 5_000, roles: ['build', 'index'], level: 'trusted' } as const
const ticket = makeTicket(root, terms, seedOf('invite'), ['/ip4/127.0.0.1/tcp/4001'])

test('a ticket survives being a string, with line breaks from a mail too', () => {
  const text = formatTicket(ticket)
  expect(text).toMatch(/^commonwheel1:[\w-]+$/)
  const read = parseTicket(`${text.slice(0, 80)}\n  ${text.slice(80)}`)
  expect(formatTicket(read)).toBe(text)
  expect(read).toMatchObject({ issuer: root.nodeId, addresses: ['/ip4/127.0.0.1/tcp/4001'] })
  expect(Buffer.from(read.seed).equals(seedOf('invite'))).toBe(true)
})

test('its bearer proves the right to join without the issuer', () => {
  const proof = proveJoin(parseTicket(formatTicket(ticket)), newcomer)
  expect(checkJoinProof(verifier, meshId, newcomer, proof)).toEqual(termsOf(ticket))
})

const proof = proveJoin(ticket, newcomer)
const other = sealGenesis(aGenesis({ nonce: 'other' })).meshId
const cases = [
  { id: 'for another node', mesh: meshId, subject: root.nodeId, proof },
  { id: 'for another mesh', mesh: other, subject: newcomer, proof },
  { id: 'terms changed', mesh: meshId, subject: newcomer, proof: { ...proof, terms: termsTampered() } },
  { id: 'another issuer claimed', mesh: meshId, subject: newcomer, proof: { ...proof, issuer: newcomer } },
  {
    id: 'signed with a wrong key',
    mesh: meshId,
    subject: newcomer,
    proof: { ...proof, subjectSignature: new Uint8Array(64) }
  },
  { id: 'garbage terms', mesh: meshId, subject: newcomer, proof: { ...proof, terms: Uint8Array.of(0xff) } }
]
test.for(cases)('refused: $id', ({ mesh, subject, proof }) => {
  expect(checkJoinProof(verifier, mesh, subject, proof)).toBeUndefined()
})

test.for(['', 'commonwheel1:', 'commonwheel1:!!!!', 'commonwheel2:abc', 'hello'])('no ticket: %j', (text) => {
  expect(() => parseTicket(text)).toThrow(expect.objectContaining({ code: 'WIRE_MALFORMED' }))
})

function termsTampered(): Uint8Array {
  return makeTicket(signerOf('attacker'), { ...terms, uses: 1000 }, seedOf('invite'), []).terms
}
