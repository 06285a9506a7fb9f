import { Buffer } from 'node:buffer'
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import type { NodeId } from '../core/ids.ts'
import type { Signer, Verifier } from '../core/ports.ts'

/** PKCS #8 header of an Ed25519 seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** Imported keys kept: importing costs half as much as verifying. */
const MAX_CACHED_KEYS = 4096

/** The node id of a raw Ed25519 public key. */
function nodeIdOf(publicKey: Uint8Array): NodeId {
  const key = publicKeyFromRaw(publicKey)
  return peerIdFromPublicKey(key).toString() as NodeId
}

/** The raw Ed25519 public key inlined in a node id. Throws on ids of other key types. */
function publicKeyOf(node: NodeId): Uint8Array {
  const peer = peerIdFromString(node)
  if (peer.type !== 'Ed25519') throw new TypeError(`not an Ed25519 peer id: ${node}`)
  return peer.publicKey.raw
}

/** The raw public key of a 32-byte seed. */
export function publicKeyOfSeed(seed: Uint8Array): Uint8Array {
  const jwk = createPublicKey(privateKey(seed)).export({ format: 'jwk' })
  return Uint8Array.from(Buffer.from(jwk.x ?? '', 'base64url'))
}

export function createSigner(seed: Uint8Array): Signer {
  const key = privateKey(seed)
  const nodeId = nodeIdOf(publicKeyOfSeed(seed))
  return { nodeId, sign: (domain, payload) => Uint8Array.from(sign(null, withDomain(domain, payload), key)) }
}

/** Signs with a bare seed, for keys that name no node (invite keys). */
export function signWithSeed(seed: Uint8Array, domain: string, payload: Uint8Array): Uint8Array {
  return Uint8Array.from(sign(null, withDomain(domain, payload), privateKey(seed)))
}

/** Verifies against a raw public key; false for anything wrong. */
export function verifyRaw(
  publicKey: Uint8Array,
  signed: { readonly domain: string; readonly payload: Uint8Array },
  signature: Uint8Array
): boolean {
  try {
    return verify(null, withDomain(signed.domain, signed.payload), importPublic(publicKey), signature)
  } catch {
    return false
  }
}

export function createVerifier(): Verifier {
  const cache = new Map<NodeId, KeyObject>()

  function keyOf(node: NodeId): KeyObject {
    const known = cache.get(node)
    if (known !== undefined) return known
    const key = importPublic(publicKeyOf(node))
    if (cache.size >= MAX_CACHED_KEYS) cache.clear()
    cache.set(node, key)
    return key
  }

  return {
    verify(node, domain, payload, signature) {
      try {
        return verify(null, withDomain(domain, payload), keyOf(node), signature)
      } catch {
        return false
      }
    }
  }
}

/** The domain is not in the payload: a signature made for one purpose cannot serve another (libp2p RFC 2). */
function withDomain(domain: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(domain, 'utf8'), Buffer.of(0), payload])
}

function privateKey(seed: Uint8Array): KeyObject {
  if (seed.byteLength !== 32) throw new TypeError('an Ed25519 seed has 32 bytes')
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

function importPublic(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
