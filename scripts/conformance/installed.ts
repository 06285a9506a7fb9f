import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, mustEqual } from './client-check.ts'

/**
 * What an installer left of a project: every line of RECORD with a digest against the file, and the tags that WHEEL says, which
 * are what `pip check` and `uv sync` judge it by. Gives the number of files looked at.
 */
export async function mustBeSound(sitePackages: string, module: string, tag: string): Promise<number> {
  const info = (await readdir(sitePackages)).find(
    (name) => name.startsWith(`${module}-`) && name.endsWith('.dist-info')
  )
  if (info === undefined) throw new Error(`no .dist-info of ${module}`)
  const wheel = await readFile(join(sitePackages, info, 'WHEEL'), 'utf8')
  const tags = [...wheel.matchAll(/^Tag: (.*)$/gm)].map(([, value]) => value!.trim())
  mustEqual('tags in WHEEL', tags, [tag])
  const record = await readFile(join(sitePackages, info, 'RECORD'), 'utf8')
  let checked = 0
  for (const line of record.split('\n')) {
    const [, path, digest] = /^(.*),sha256=([^,]+),\d*$/.exec(line.trim()) ?? []
    if (path === undefined) continue
    const bytes = await readFile(join(sitePackages, path))
    mustEqual(`digest of ${path} in RECORD`, digest, createHash('sha256').update(bytes).digest('base64url'))
    checked += 1
  }
  must(`RECORD names ${checked} files with a digest`, checked >= 3)
  return checked
}
