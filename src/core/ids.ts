declare const brand: unique symbol
type Brand<T, B extends string> = T & { readonly [brand]: B }

/** A libp2p peer id of an Ed25519 key, in base58btc: `12D3KooW…`. */
export type NodeId = Brand<string, 'NodeId'>
/** SHA-256 of the genesis bytes, lower-case hex. */
export type MeshId = Brand<string, 'MeshId'>
/** SHA-256 of some bytes, lower-case hex. */
export type Sha256 = Brand<string, 'Sha256'>
/** A project name normalised by PEP 503. */
export type ProjectName = Brand<string, 'ProjectName'>
/** What a wheel is built for: `cp313-linux_armv7l-glibc2.41` (core/target.ts). */
export type TargetId = Brand<string, 'TargetId'>
/** One release for one target: `project==version@target` (core/job.ts). */
export type JobId = Brand<string, 'JobId'>

const HEX_64 = /^[0-9a-f]{64}$/
/** An inlined Ed25519 public key always gives this prefix and length. */
const ED25519_PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/

/** The only door through which an untrusted string becomes a digest. */
export function parseSha256(text: unknown): Sha256 {
  if (!isSha256(text)) throw new TypeError(`not a sha256 hex digest: ${shown(text)}`)
  return text
}

export function isSha256(text: unknown): text is Sha256 {
  return typeof text === 'string' && HEX_64.test(text)
}

export function parseMeshId(text: unknown): MeshId {
  if (!isSha256(text)) throw new TypeError(`not a mesh id: ${shown(text)}`)
  return text as unknown as MeshId
}

export function parseNodeId(text: unknown): NodeId {
  if (!isNodeId(text)) throw new TypeError(`not a node id: ${shown(text)}`)
  return text
}

export function isNodeId(text: unknown): text is NodeId {
  return typeof text === 'string' && ED25519_PEER_ID.test(text)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value
}
