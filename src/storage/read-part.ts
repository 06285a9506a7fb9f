import { closeSync, fstatSync, open, read } from 'node:fs'
import { promisify } from 'node:util'
import type { BlobPart } from '../core/ports.ts'
import { isNotFound } from './files.ts'

const opened = promisify(open)
const filled = promisify(read)

/**
 * A part of a file in one piece, if the file is there and has the size that it should have. By descriptor, since the objects and the
 * turns of node:fs/promises cost more than the reading of a small file; what only asks about an open file does not wait for the disk.
 */
export async function readPart(
  path: string,
  { start, end, size }: BlobPart
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await opened(path, 'r').catch(undefinedIfMissing)
  if (file === undefined) return undefined
  try {
    if (fstatSync(file).size !== size) return undefined
    const bytes = Buffer.allocUnsafeSlow(end - start)
    const { bytesRead } = await filled(file, bytes, 0, bytes.byteLength, start)
    return bytesRead === bytes.byteLength ? bytes : undefined
  } finally {
    closeSync(file)
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
