import { BLOB_CHUNK_BYTES } from '../core/limits.ts'
import { ReadBuffers } from '../core/read-buffers.ts'

/** As many answers may be on their way at once before fresh memory is made: 4 MiB in all. */
const MAX_KEPT = 16

/** Files are read into these for every client: a chunk goes back when the kernel has taken it. */
export const FILE_BUFFERS = new ReadBuffers({ bytes: BLOB_CHUNK_BYTES, maxKept: MAX_KEPT })

/** For the callback of a write: after an error the memory is left to the collector, since nobody tells whether it is still in use. */
export function givingBack(chunk: Uint8Array): (error?: Error | null) => void {
  return (error) => {
    if (error === undefined || error === null) FILE_BUFFERS.give(chunk)
  }
}
