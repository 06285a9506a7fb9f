import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Nothing that pip installs has more files; a tree that does is not kept. */
const MAX_FILES = 200_000

/**
 * One line for each file and link below a folder, in the order of their paths: what is there, down to the bytes. Two trees with the same
 * text are the same. Throws on what is neither file, folder nor link.
 */
export async function manifestOf(root: string): Promise<string> {
  const lines: string[] = []
  await addFolder(root, '', lines)
  return lines.map((line) => `${line}\n`).join('')
}

async function addFolder(root: string, folder: string, lines: string[]): Promise<void> {
  const entries = await readdir(join(root, folder), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) await addFolder(root, path, lines)
    else if (entry.isSymbolicLink()) lines.push(`link ${path} ${await readlink(join(root, path))}`)
    else if (entry.isFile()) lines.push(`${await describeFile(join(root, path))} ${path}`)
    else throw new Error(`${path} is neither file, folder nor link`)
    if (lines.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files`)
  }
}

async function describeFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { mode } = await file.stat()
    const digest = createHash('sha256')
      .update(await file.readFile())
      .digest('hex')
    return `${digest} ${(mode & 0o7777).toString(8)}`
  } finally {
    await file.close()
  }
}
