import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/ports.ts'
import { removeTree } from './build-place.ts'
import { runTool } from './run-tool.ts'

export interface CacheBounds {
  readonly maxBytes: number
  /** Says when an entry was used. */
  readonly clock: Clock
}

export interface EvictRule {
  readonly maxBytes: number
  readonly isInUse: (name: string) => boolean
}

/** Removes the entries of a cache folder that were used longest ago until the rest fits; an entry's own time says when it was used. */
export async function evictOldest(folder: string, { maxBytes, isInUse }: EvictRule): Promise<void> {
  let bytes = await usedBytes(folder)
  if (bytes <= maxBytes) return
  const entries = await Promise.all(
    (await readdir(folder)).map(async (name) => ({ name, usedMs: (await stat(join(folder, name))).mtimeMs }))
  )
  for (const { name } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= maxBytes) return
    if (isInUse(name)) continue
    bytes -= await usedBytes(join(folder, name))
    await removeTree(join(folder, name))
  }
}

/** Of the whole tree, as it lies on the disk. */
async function usedBytes(path: string): Promise<number> {
  const { stdout } = await runTool('du', ['-skx', '--', path])
  return Number(/^(\d+)/.exec(stdout)?.[1] ?? 0) * 1024
}
