import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { TextPacker } from '../core/ports.ts'

/** What is packed has some kilobytes: a window of 8 KiB finds nearly all repetitions, and a small state is quickly set up. */
const OPTIONS = { level: 3, windowBits: 13, memLevel: 6 } as const

/** Deflated bytes as characters, one each: V8 keeps such a string in a tenth of the memory that a small buffer costs. */
export const textPacker: TextPacker = {
  pack: (text) => deflateRawSync(text, OPTIONS).toString('latin1'),
  unpack: (packed) => inflateRawSync(Buffer.from(packed, 'latin1')).toString('utf8')
}
