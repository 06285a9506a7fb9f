import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { dropPrefix, findBuildUser } from '../../src/build/build-user.ts'

const run = promisify(execFile)

/** An interpreter of this machine. */
export interface FoundPython {
  /** `3.13` */
  readonly version: string
  readonly executable: string
  readonly prefix: string
  /** Whether builds may run it where it is. */
  readonly isOpen: boolean
}

const FACTS =
  'import os,sys;print("%d.%d" % sys.version_info[:2]);print(os.path.realpath(sys.executable));print(sys.base_prefix)'
/** Oldest that today's pip and setuptools still know. */
const OLDEST_MINOR = 8

/** One interpreter for each version that is found on PATH and among pyenv's; those that builds can reach come first. */
export async function findPythons(): Promise<readonly FoundPython[]> {
  const candidates = [...(await pathPythons()), ...(await pyenvPythons())]
  const found = (await Promise.all(candidates.map(lookAt))).filter((one) => one !== undefined)
  const byVersion = new Map<string, FoundPython>()
  for (const python of found.sort((a, b) => Number(b.isOpen) - Number(a.isOpen))) {
    if (!byVersion.has(python.version)) byVersion.set(python.version, python)
  }
  return [...byVersion.values()].filter(({ version }) => Number(version.split('.')[1]) >= OLDEST_MINOR)
}

/** What an interpreter says of itself; undefined when it cannot be used. */
export async function lookAt(path: string): Promise<FoundPython | undefined> {
  try {
    const { stdout } = await run(path, ['-I', '-c', FACTS], { cwd: '/' })
    const [version = '', executable = '', prefix = ''] = stdout.trim().split('\n')
    return { version, executable, prefix, isOpen: await canBuildUserRun(executable) }
  } catch {
    return undefined
  }
}

/** One whose executable the build user can run: itself, or a copy below `folder`. */
export async function openPython(python: FoundPython, folder: string): Promise<string> {
  return python.isOpen ? python.executable : copyPython(python, join(folder, `python${python.version}`))
}

async function pathPythons(): Promise<readonly string[]> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const lists = await Promise.all(
    [...new Set(folders)].map(async (folder) => {
      const names = await readdir(folder).catch(() => [])
      return names.filter((name) => /^python3(\.\d+)?$/.test(name)).map((name) => join(folder, name))
    })
  )
  return lists.flat()
}

async function pyenvPythons(): Promise<readonly string[]> {
  const asked = run('pyenv', ['root']).then(({ stdout }) => stdout.trim())
  const root = process.env['PYENV_ROOT'] ?? (await asked.catch(() => join(homedir(), '.pyenv')))
  const versions = await readdir(join(root, 'versions')).catch(() => [])
  return versions.map((version) => join(root, 'versions', version, 'bin', 'python3'))
}

async function canBuildUserRun(executable: string): Promise<boolean> {
  // By a shell: setpriv itself may still look where only root may.
  const command = [
    ...dropPrefix(await findBuildUser('commonwheel-build')),
    'sh',
    '-c',
    'exec "$0" -I -c pass',
    executable
  ]
  return run('env', command, { cwd: '/' }).then(
    () => true,
    () => false
  )
}

const LEFT_OUT = /\/(__pycache__|site-packages|test|tests|idlelib|turtledemo|config-[^/]*\/.*\.a)$/

/** A copy that runs from where it is and compiles for there: a Python knows its home in its loader path and its flags. */
async function copyPython({ executable, prefix, version }: FoundPython, copy: string): Promise<string> {
  const name = `python${version}`
  await mkdir(join(copy, 'bin'), { recursive: true, mode: 0o755 })
  await cp(executable, join(copy, 'bin', name))
  await cp(join(prefix, 'lib', name), join(copy, 'lib', name), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !LEFT_OUT.test(path)
  })
  await cp(join(prefix, 'include', name), join(copy, 'include', name), { recursive: true })
  for (const library of await librariesOf(prefix)) {
    await cp(join(prefix, 'lib', library), join(copy, 'lib', library), { verbatimSymlinks: true })
    await moveLoaderPath(join(copy, 'lib', library), prefix)
  }
  await moveLoaderPath(join(copy, 'bin', name), prefix)
  await moveFlags(join(copy, 'lib', name), prefix, copy)
  for (const folder of [copy, join(copy, 'bin'), join(copy, 'lib')]) await chmod(folder, 0o755)
  return join(copy, 'bin', name)
}

async function librariesOf(prefix: string): Promise<readonly string[]> {
  const names = await readdir(join(prefix, 'lib')).catch(() => [])
  return names.filter((name) => /^libpython3[.\d]*[a-z]*\.so/.test(name))
}

const RELATIVE = '$ORIGIN/../lib'

/** The run path of a program, changed in place: it lies between two zeros in the table of strings. */
async function moveLoaderPath(path: string, prefix: string): Promise<void> {
  if ((await lstat(path)).isSymbolicLink()) return
  const bytes = await readFile(path)
  const old = Buffer.from(`\0${prefix}/lib\0`, 'latin1')
  for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + 1)) {
    if (old.length < RELATIVE.length + 2) throw new Error(`${prefix} is too short to be changed in ${path}`)
    bytes.fill(0, at, at + old.length)
    bytes.write(RELATIVE, at + 1, 'latin1')
  }
  await writeFile(path, bytes)
}

/** What setuptools compiles with: without the loader path of the home, which no other machine has, and with our own folders. */
async function moveFlags(library: string, prefix: string, copy: string): Promise<void> {
  const names = await readdir(library, { recursive: true })
  const flags = names.filter((name) =>
    /(^|\/)(_sysconfigdata[^/]*\.py|_sysconfig_vars[^/]*\.json|Makefile)$/.test(name)
  )
  for (const name of flags) {
    const path = join(library, name)
    if (!(await stat(path)).isFile()) continue
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(`-Wl,-rpath,${prefix}/lib`, '').replaceAll(prefix, copy))
  }
}
