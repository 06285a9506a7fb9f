import { createHash } from 'node:crypto'
import type { Sha256 } from './ids.ts'

/** SHA-256 as lower-case hex. A pure function of its input: the one reason core touches a platform module. */
export function sha256Hex(data: Uint8Array | string): Sha256 {
  return createHash('sha256').update(data).digest('hex') as Sha256
}

/** SHA-256 as 32 bytes. */
export function sha256Bytes(data: Uint8Array | string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(data).digest())
}

/** FNV-1a with a final avalanche (murmur3's fmix32): cheap, well spread, for orders that need no secrecy. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
