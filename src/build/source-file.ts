import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The beginning of a file of a source tree as text, undefined when there is none. Non-blocking and without following links: the
 * tree comes from an archive that may be hostile. Throws for what is there and cannot be read.
 */
export async function readSourceFile(path: string, maxBytes: number): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  try {
    const bytes = Buffer.alloc(maxBytes)
    const read = await file?.read(bytes, 0, bytes.byteLength, 0)
    return read === undefined ? undefined : bytes.subarray(0, read.bytesRead).toString('utf8')
  } finally {
    await file?.close()
  }
}

/** Which folders and files of a tree are looked at. */
export interface TreeWalk {
  /** Folders below the root: 0 looks at the root alone. */
  readonly maxDepth: number
  /** Folders in all: a tree with more is looked at no further. */
  readonly maxFolders: number
}

/** The folders of a tree, `''` for its root, nearest first and then by name. Links are not followed, hidden folders not entered. */
export async function* sourceFolders(
  root: string,
  { maxDepth, maxFolders }: TreeWalk
): AsyncIterable<{ readonly folder: string; readonly files: readonly string[] }> {
  let level = ['']
  let left = maxFolders
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const below: string[] = []
    for (const folder of level) {
      if (left-- <= 0) return
      const entries = await readdir(join(root, folder), { withFileTypes: true })
      const inside = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      below.push(...inside.map(({ name }) => join(folder, name)))
      yield { folder, files: entries.filter((entry) => entry.isFile()).map(({ name }) => name) }
    }
    level = below.sort()
  }
}

const ASIDE =
  /(?:^|\/)(?:tests?|testing|docs?|examples?|benchmarks?|benches|fixtures|vendor|third[_-]?party)(?:\/|$)/i

/** Whether a folder of a tree holds what is no part of the package that is installed. */
export function isAside(folder: string): boolean {
  return ASIDE.test(folder)
}
