import { closeSync, fstatSync, open, read } from 'node:fs'
import { promisify } from 'node:util'
import type { BlobPart } from '../core/ports.ts'
import { isNotFound } from './files.ts'

const opened = promisify(open)
const filled = promisify(read)

/** What is smaller than that weighs little by itself, and too much in a buffer of a whole chunk. */
const REUSED_FROM_BYTES = 16 * 1024

/**
 * A part of a file in one piece, if the file is there and has the size that it should have. By descriptor, since the objects and the
 * turns of node:fs/promises cost more than the reading of a small file; what only asks about an open file does not wait for the disk.
 */
export async function readPart(
  path: string,
  { start, end, size, buffers }: BlobPart
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await opened(path, 'r').catch(undefinedIfMissing)
  if (file === undefined) return undefined
  try {
    if (fstatSync(file).size !== size) return undefined
    const length = end - start
    const target =
      (length < REUSED_FROM_BYTES ? undefined : buffers?.take()) ?? Buffer.allocUnsafeSlow(length)
    const { bytesRead } = await filled(file, target, 0, length, start)
    return bytesRead === length ? target.subarray(0, length) : undefined
  } finally {
    closeSync(file)
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
