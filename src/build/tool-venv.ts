import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { removeTree } from './build-place.ts'
import { runTool } from './run-tool.ts'

/** Names the interpreter that a tool environment was made from; an upgraded interpreter gets a new one. */
const MARKER = 'commonwheel-made-from'

export type ToolVenv =
  { readonly kind: 'ready'; readonly path: string } | { readonly kind: 'refused'; readonly reason: string }

/**
 * An environment with the pip that the interpreter brings along: made once, from local files, seen read-only by builds.
 * It is made beside its place and moved there, so that one which is there is whole.
 */
export async function ensureToolVenv(python: string, version: string, path: string): Promise<ToolVenv> {
  const origin = `${python}\n${version}\n`
  if ((await readFile(join(path, MARKER), 'utf8').catch(() => '')) === origin) return { kind: 'ready', path }
  const fresh = `${path}.new`
  await removeTree(fresh)
  // A node with a strict umask would make what the build user cannot read.
  const command = ['umask 022; exec "$@"', 'sh', python, '-I', '-m', 'venv', '--clear', fresh]
  const { code, stdout, stderr } = await runTool('sh', ['-c', ...command], {
    env: { PIP_CONFIG_FILE: '/dev/null' }
  })
  if (code !== 0) return { kind: 'refused', reason: `${stdout}\n${stderr}`.trim().slice(-400) }
  try {
    await writeFile(join(fresh, MARKER), origin)
    await removeTree(path)
    await rename(fresh, path)
  } catch (error) {
    return { kind: 'refused', reason: messageOf(error) }
  }
  return { kind: 'ready', path }
}
