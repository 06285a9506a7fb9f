import { sha256Bytes } from '../../src/core/digest.ts'
import type { Signer } from '../../src/core/ports.ts'
import { createSigner } from '../../src/wire/keys.ts'

/** The same key for the same word, so that failures replay. */
export function seedOf(word: string): Uint8Array {
  return sha256Bytes(`test seed ${word}`)
}

export function signerOf(word: string): Signer {
  return createSigner(seedOf(word))
}
