import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, open, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A file of an export as it is to be. */
export interface MadeFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Makes `folder` hold exactly these bytes under these names. A file that is as it should be is not touched; one that `earlier`
 * holds becomes a hard link to it, and keeps its inode and its time; another one is written beside and renamed. Tells how
 * many bytes were written.
 */
export async function putFiles(
  folder: string,
  files: readonly MadeFile[],
  earlier?: string
): Promise<number> {
  await mkdir(folder, { recursive: true })
  let written = 0
  for (const { name, bytes } of files) {
    const path = join(folder, name)
    if (await holds(path, bytes)) continue
    if (earlier !== undefined && (await holds(join(earlier, name), bytes))) {
      await rm(path, { force: true })
      await link(join(earlier, name), path)
      continue
    }
    const draft = join(folder, `.${name}.new`)
    await writeFile(draft, bytes)
    await rename(draft, path)
    written += bytes.byteLength
  }
  return written
}

/** A link that leads to `target`, replaced as a whole when it leads elsewhere; whether anything changed. */
export async function putLink(path: string, target: string): Promise<boolean> {
  if ((await linkTarget(path)) === target) return false
  const draft = join(dirname(path), `.${basename(path)}.new`)
  await rm(draft, { force: true })
  await symlink(target, draft)
  await rename(draft, path)
  return true
}

/** undefined: there is no link of that name. */
export async function linkTarget(path: string): Promise<string | undefined> {
  return readlink(path).catch(absent)
}

/** Bytes of a plain file; undefined when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const facts = await stat(path).catch(absent)
  return facts?.isFile() === true ? facts.size : undefined
}

export async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(absent)
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex')
}

/**
 * Writes a stream beside `path` and gives it its name when all has come, its digest is right and it is on the disk: what has
 * its name is whole, after a power cut too. Throws a RangeError with what was wrong otherwise.
 */
export async function putStream(
  path: string,
  chunks: AsyncIterable<Buffer>,
  expected: { readonly sha256: string; readonly size?: number }
): Promise<number> {
  await mkdir(dirname(path), { recursive: true })
  const draft = join(dirname(path), `.${basename(path)}.part`)
  const file = await open(draft, 'w')
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of chunks) {
      size += chunk.byteLength
      if (size > (expected.size ?? Infinity)) break
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    await file.datasync()
  } finally {
    await file.close()
  }
  const wrong = wrongWith({ size, sha256: hash.digest('hex') }, expected)
  if (wrong !== undefined) {
    await rm(draft, { force: true })
    throw new RangeError(wrong)
  }
  await rename(draft, path)
  return size
}

function wrongWith(
  came: { readonly size: number; readonly sha256: string },
  expected: { readonly sha256: string; readonly size?: number }
): string | undefined {
  if (expected.size !== undefined && came.size !== expected.size) {
    return `its size is not the ${expected.size} bytes that its project's page names`
  }
  return came.sha256 === expected.sha256 ? undefined : `its bytes have the digest ${came.sha256}`
}

async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  if ((await sizeOf(path)) !== bytes.byteLength) return false
  return (await readFile(path)).equals(bytes)
}

/** For catch: nothing there is an answer, every other trouble is trouble. */
export function absent(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined
  throw error
}
