import { realpath, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { runTool } from './run-tool.ts'

/** An interpreter of this machine with the pip that came with it. */
export interface CarriedPip {
  readonly executable: string
  /** `[3, 11]` */
  readonly python: readonly [major: number, minor: number]
  /** `23.2.1` */
  readonly pip: string
}

const NAME = /^python(\d(\.\d+)?)?$/
const FACTS =
  'import sys, pip; print("%d %d %s" % (sys.version_info[0], sys.version_info[1], pip.__version__))'

/** Every interpreter on PATH and among pyenv's that has a pip, whatever its age; oldest first. */
export async function carriedPips(home: string): Promise<readonly CarriedPip[]> {
  const root = process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv')
  const versions = await readdir(join(root, 'versions')).catch(() => [])
  const folders = [
    ...versions.map((version) => join(root, 'versions', version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  ]
  const paths = new Set<string>()
  for (const folder of folders) {
    // Shims start whichever version is chosen elsewhere.
    const names = folder.endsWith('shims') ? [] : await readdir(folder).catch(() => [])
    for (const name of names.filter((one) => NAME.test(one))) {
      paths.add(await realpath(join(folder, name)).catch(() => ''))
    }
  }
  const pips = await Promise.all([...paths].map((path) => lookAt(path, home)))
  return pips
    .filter((pip) => pip !== undefined)
    .sort((a, b) => a.python[0] - b.python[0] || a.python[1] - b.python[1])
}

async function lookAt(executable: string, home: string): Promise<CarriedPip | undefined> {
  if (executable === '') return undefined
  const { code, stdout } = await runTool(executable, ['-c', FACTS], { home })
  const [major = 0, minor = 0, pip = ''] = stdout.trim().split(' ')
  if (code !== 0 || pip === '') return undefined
  return { executable, python: [Number(major), Number(minor)], pip }
}
