import { join } from 'node:path'
import { isAside, readSourceFile, sourceFolders } from './source-file.ts'

/** `src/pkg/_speedups/` is as deep as most extensions lie. */
const WALK = { maxDepth: 5, maxFolders: 1_000 }
const C_SOURCE = /\.(?:c|cc|cpp|cxx|h|hpp)$/
/** Includes stand behind a licence at most. */
const HEAD_BYTES = 16 * 1024
const MAX_READ = 100

/**
 * A file of the source tree that says: an extension module is made of this. Cython, a Cargo manifest, or C that includes Python.h.
 * Undefined when there is none, as far as was looked. Called before anything of the package ran.
 */
export async function compiledSource(tree: string): Promise<string | undefined> {
  let left = MAX_READ
  for await (const { folder, files } of sourceFolders(tree, WALK)) {
    if (isAside(folder)) continue
    const plain = files.find((name) => name.endsWith('.pyx') || name === 'Cargo.toml')
    if (plain !== undefined) return join(folder, plain)
    for (const name of files) {
      if (!C_SOURCE.test(name) || left-- <= 0) continue
      const head = await readSourceFile(join(tree, folder, name), HEAD_BYTES)
      if (/^\s*#\s*include\s*[<"]Python\.h[>"]/m.test(head ?? '')) return join(folder, name)
    }
  }
  return undefined
}
