const DIGITS = '0123456789abcdef'
const CODES = Array.from(DIGITS, (digit) => digit.charCodeAt(0))
/** Bytes that are turned into text at once: more than a key has, less than a call has arguments. */
const AT_ONCE = 64
/** Value of each character code below 128 as a hex digit. */
const VALUE = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, DIGITS.indexOf(String.fromCharCode(code)))
)

/** Lower-case hex, two digits a byte. In one piece: a sum of 32 strings takes ten times the memory of a digest until it is read. */
export function bytesToHex(bytes: Uint8Array): string {
  if (bytes.length <= AT_ONCE) return shortHex(bytes)
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += AT_ONCE) parts.push(shortHex(bytes.subarray(at, at + AT_ONCE)))
  return parts.join('')
}

function shortHex(bytes: Uint8Array): string {
  const codes = new Array<number>(2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    codes[2 * i] = CODES[byte >> 4] ?? 0
    codes[2 * i + 1] = CODES[byte & 15] ?? 0
  }
  return String.fromCharCode(...codes)
}

/** The bytes of lower-case hex that is known to be such: digests. */
export function hexToBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let i = 0; i < bytes.length; i++) {
    const high = VALUE[hex.charCodeAt(2 * i)] ?? 0
    bytes[i] = (high << 4) | (VALUE[hex.charCodeAt(2 * i + 1)] ?? 0)
  }
  return bytes
}

export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index])
}
