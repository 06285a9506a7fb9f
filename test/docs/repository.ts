import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

/* The repository as text, for the tests that hold pages and code to each other. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.tools', '.git'])

/** Paths of all files from the root of the repository, with `/`. */
export const FILES: readonly string[] = readdirSync(ROOT, { recursive: false })
  .filter((name) => !NOT_OURS.has(String(name)))
  .flatMap((name) => filesBelow(String(name)))
  .sort()

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function filesBelow(path: string): readonly string[] {
  try {
    return readdirSync(join(ROOT, path), { withFileTypes: true })
      .filter(({ name }) => !NOT_OURS.has(name))
      .flatMap((entry) =>
        entry.isDirectory() ? filesBelow(`${path}/${entry.name}`) : [`${path}/${entry.name}`]
      )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [path]
    throw error
  }
}

/** Rows of all Markdown tables of a page, as cells. */
export function tableRows(page: string): readonly (readonly string[])[] {
  return page
    .split('\n')
    .filter((line) => /^\s*\|.*\|\s*$/.test(line) && !/^[\s|:-]+$/.test(line))
    .map((line) =>
      line
        .trim()
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim())
    )
}
