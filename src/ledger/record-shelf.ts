import type { Entry, MeshRecord } from '../core/record.ts'
import type { RecordBytes } from './view-rows.ts'

const HANDLE_BYTES = 4

/** Records of a state that nobody stores: in the place of their bytes, rows hold their numbers. */
export class RecordShelf implements RecordBytes {
  readonly #records: MeshRecord[] = []

  /** What stands for the bytes of an entry. */
  put(entry: Entry): Uint8Array {
    const handles = new Uint8Array(entry.records.length * HANDLE_BYTES)
    const view = new DataView(handles.buffer)
    for (const [index, record] of entry.records.entries())
      view.setUint32(index * HANDLE_BYTES, this.#records.push(record) - 1)
    return handles
  }

  slices(bytes: Uint8Array): readonly Uint8Array[] {
    const count = bytes.byteLength / HANDLE_BYTES
    return Array.from({ length: count }, (_, index) =>
      bytes.subarray(index * HANDLE_BYTES, (index + 1) * HANDLE_BYTES)
    )
  }

  record(slice: Uint8Array): MeshRecord {
    const record = this.#records[new DataView(slice.buffer, slice.byteOffset).getUint32(0)]
    if (record === undefined) throw new TypeError('no such record')
    return record
  }
}
