import { BlobError } from '../core/blob-error.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import type { AbortOptions } from '../core/ports.ts'
import type { BlobClient } from './blob-client.ts'

/** Bytes that a holder is to show, and where. */
export interface ProbeOptions extends AbortOptions {
  readonly sample?: { readonly offset: number; readonly bytes: Uint8Array }
}

/** `silent`: it could not be asked, or was busy. `missing`: it has it not, or shows other bytes. */
export type ProbeAnswer = 'held' | 'missing' | 'silent'

/** Asks one member whether it holds a blob; with a sample it has to show these very bytes. */
export async function probeHolder(
  client: BlobClient,
  at: { readonly peer: NodeId; readonly digest: Sha256 },
  { sample, ...options }: ProbeOptions
): Promise<ProbeAnswer> {
  try {
    return await client.with(
      at,
      async (session) => {
        const { size } = await session.head({ list: false })
        if (sample === undefined) return 'held'
        if (size < sample.offset + sample.bytes.byteLength) return 'missing'
        const shown = new Uint8Array(sample.bytes.byteLength)
        await session.bytes(sample.offset, shown)
        return shown.every((byte, index) => byte === sample.bytes[index]) ? 'held' : 'missing'
      },
      options
    )
  } catch (error) {
    return error instanceof BlobError && error.code === 'BLOB_MISSING' ? 'missing' : 'silent'
  }
}
