import { parseArgs } from 'node:util'
import { findPythons, lookAt, openPython, type FoundPython } from '../../test/support/pythons.ts'

export interface ChosenPython {
  readonly version: string
  /** As it was found. */
  readonly found: string
  /** Where builds can run it: itself, or a copy. */
  readonly open: string
}

/** Far apart, so that a wheel for one fits no other. */
const LIKED = ['3.9', '3.11', '3.13']

/** One interpreter for each of three nodes: those that are named by `--python`, else as many different ones as are found. */
export async function choosePythons(
  words: readonly string[],
  folder: string
): Promise<readonly ChosenPython[]> {
  const { values } = parseArgs({ args: [...words], options: { python: { type: 'string', multiple: true } } })
  const candidates = values.python === undefined ? await likedPythons() : await namedPythons(values.python)
  const chosen = new Map<string, Promise<ChosenPython>>()
  for (const python of candidates)
    chosen.set(python.version, chosen.get(python.version) ?? opened(python, folder))
  const ready = await Promise.all(chosen.values())
  return LIKED.map((_, at) => ready[at % ready.length]!)
}

async function likedPythons(): Promise<readonly FoundPython[]> {
  const found = await findPythons()
  if (found.length === 0) throw new Error('no Python 3.8 or newer was found: name one with --python PATH')
  const rank = ({ version }: FoundPython): number =>
    LIKED.includes(version) ? LIKED.indexOf(version) : LIKED.length
  return [...found].sort((a, b) => rank(a) - rank(b)).slice(0, LIKED.length)
}

async function namedPythons(paths: readonly string[]): Promise<readonly FoundPython[]> {
  const looked = await Promise.all(paths.map(async (path) => ({ path, found: await lookAt(path) })))
  return looked.map(({ path, found }) => {
    if (found === undefined) throw new Error(`${path} is no working Python 3`)
    return found
  })
}

async function opened(python: FoundPython, folder: string): Promise<ChosenPython> {
  const { version, executable } = python
  return { version, found: executable, open: await openPython(python, folder) }
}
