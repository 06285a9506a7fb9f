import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A new name in a folder survives a power cut only once the folder itself is on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Moves a file whose bytes are on the disk to its final name, so that the name is there after a power cut too. */
export async function moveDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to)
  const firstNew = await mkdir(folder, { recursive: true })
  await rename(from, to)
  await syncFolder(folder)
  if (firstNew === undefined) return
  const above = dirname(firstNew)
  for (let at = folder; at !== above; at = dirname(at)) await syncFolder(dirname(at))
}

/** Removes a file that may be gone already. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
