import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOfPartial, type BlobPaths } from './blob-paths.ts'
import { isNotFound, removeFile } from './files.ts'

/** Broken transfers kept over a restart: the newest, as their other half is the likeliest to be wanted still. */
const MAX_PARTIALS = 64

/** Half-written blobs of a process that died are worth nothing; broken transfers are, up to a number. */
export async function sweepLeftovers(paths: BlobPaths): Promise<void> {
  await rm(paths.temporary, { recursive: true, force: true })
  await mkdir(paths.temporary, { recursive: true })
  await mkdir(paths.partials, { recursive: true })
  await sweepPartials(paths)
}

async function sweepPartials(paths: BlobPaths): Promise<void> {
  const dated = await Promise.all(
    (await readdir(paths.partials)).map(async (name) => ({ name, age: await changedMs(paths, name) }))
  )
  const newestFirst = dated.toSorted((a, b) => b.age - a.age).map(({ name }) => name)
  for (const [index, name] of newestFirst.entries()) {
    const digest = digestOfPartial(name)
    const wanted = index < MAX_PARTIALS && digest !== undefined && !(await isHeld(paths.blob(digest)))
    if (!wanted) await removeFile(join(paths.partials, name))
  }
}

async function changedMs(paths: BlobPaths, name: string): Promise<number> {
  return (await stat(join(paths.partials, name))).mtimeMs
}

async function isHeld(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}
