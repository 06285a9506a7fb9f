import { constants } from 'node:fs'
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { done, failed, type Step } from './step.ts'

const SAFE_WHEEL = /^[A-Za-z0-9_.!+]+(?:-[A-Za-z0-9_.!+]+){4,5}\.whl$/

/**
 * Copies the one wheel out of a folder that the build could write to, following nothing it left there. Only called when no
 * process of the build lives, so that what is checked stays as it was. Gives the path of the copy.
 */
export async function collectWheel(output: string, into: string, maxBytes: number): Promise<Step<string>> {
  if (!(await lstat(output)).isDirectory()) return hostile('the output folder is no folder any more')
  const wheels = (await readdir(output)).filter((name) => name.endsWith('.whl'))
  const [name] = wheels
  if (name === undefined) return failed('package', 'no-wheel', 'the build ended well but left no wheel')
  if (wheels.length > 1)
    return failed('package', 'several-wheels', `the build left ${wheels.length} wheels, not one`)
  if (!SAFE_WHEEL.test(name)) return failed('package', 'bad-wheel-name', 'the file name of the wheel is none')
  const file = await openPlain(join(output, name))
  if (file === undefined) return hostile('the wheel is no regular file')
  try {
    const { size, nlink } = await file.stat()
    if (nlink !== 1) return hostile('the wheel has several hard links')
    if (size > maxBytes)
      return failed('resource', 'wheel-too-large', `the wheel has ${size} bytes, over ${maxBytes}`)
    const copy = join(into, name)
    await copyTo(file, copy)
    return done(copy)
  } finally {
    await file.close()
  }
}

/** Neither a link nor, by not blocking, a FIFO can fool it. */
async function openPlain(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch((error: unknown) => {
    if (['ELOOP', 'ENXIO', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  })
  if (file === undefined || (await file.stat()).isFile()) return file
  await file.close()
  return undefined
}

async function copyTo(from: FileHandle, path: string): Promise<void> {
  const to = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of from.createReadStream({ autoClose: false, start: 0 }))
      await to.write(chunk as Buffer)
  } finally {
    await to.close()
  }
}

function hostile(what: string): Step<never> {
  return failed('package', 'hostile-output', what)
}
