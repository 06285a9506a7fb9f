import { Encoder } from 'cbor-x'
import { scanCbor } from './scan-cbor.ts'
import { WireError, malformed } from './wire-error.ts'

/** Plain CBOR maps and byte strings: no record extension, no tags. */
const codec = new Encoder({
  useRecords: false,
  variableMapSize: true,
  tagUint8Array: false,
  mapsAsObjects: true
})

/** CBOR of plain data. Keys whose value is undefined are left out. The bytes are a copy of their own. */
export function encodeCbor(value: unknown): Uint8Array {
  return new Uint8Array(codec.encode(value))
}

/** The plain data in `bytes`; byte strings in it are copies. Throws a WireError on anything hostile or broken. */
export function decodeCbor(bytes: Uint8Array, limits: { readonly maxBytes: number }): unknown {
  if (bytes.byteLength > limits.maxBytes) {
    throw new WireError({ code: 'WIRE_TOO_LARGE', bytes: bytes.byteLength, maxBytes: limits.maxBytes })
  }
  scanCbor(bytes)
  return decodeScanned(bytes)
}

/** The plain data in bytes that have been through scanCbor. */
export function decodeScanned(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw new WireError(malformed('not CBOR').detail, { cause })
  }
}
