import { createHash } from 'node:crypto'
import type { Sha256 } from './ids.ts'

/** SHA-256 as lower-case hex. A pure function of its input: the one reason core touches a platform module. */
export function sha256Hex(data: Uint8Array | string): Sha256 {
  return createHash('sha256').update(data).digest('hex') as Sha256
}

/** SHA-256 of bytes that come one after the other; `hex` ends it. */
export class RunningSha256 {
  readonly #hash = createHash('sha256')

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  hex(): Sha256 {
    return this.#hash.digest('hex') as Sha256
  }
}

/** SHA-256 as 32 bytes. */
export function sha256Bytes(data: Uint8Array | string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(data).digest())
}

/** FNV-1a with a final avalanche (murmur3's fmix32): cheap, well spread, for orders that need no secrecy. */
export function hash32(text: string): number {
  return avalanche(fnv1a(FNV_BASIS, text))
}

/** `hash32(prefix + text)` for many texts: the prefix is hashed once. */
export function hash32After(prefix: string): (text: string) => number {
  const basis = fnv1a(FNV_BASIS, prefix)
  return (text) => avalanche(fnv1a(basis, text))
}

const FNV_BASIS = 0x811c9dc5

function fnv1a(basis: number, text: string): number {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

function avalanche(mixed: number): number {
  let hash = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
