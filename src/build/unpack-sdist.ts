import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { HostileArchive } from './member-path.ts'
import { done, failed, type Step } from './step.ts'
import { UnpackTarget, type UnpackBounds } from './unpack-target.ts'
import { readTarGz } from './unpack-tar.ts'
import { readZip } from './unpack-zip.ts'

/** Zip files know no earlier time; zip writers raise on an earlier SOURCE_DATE_EPOCH. */
const EARLIEST_EPOCH = 315_532_800

export interface UnpackedSdist {
  /** Name of its one top folder. */
  readonly top: string
  /** For SOURCE_DATE_EPOCH: the newest time in the archive, equal wherever it is unpacked. */
  readonly sourceDateEpoch: number
}

/** Unpacks a source archive that may be hostile into an empty folder that only the node can write to. */
export async function unpackSdist(
  archive: string,
  folder: string,
  bounds: UnpackBounds
): Promise<Step<UnpackedSdist>> {
  const reader = readerFor(archive)
  if (reader === undefined) {
    return failed(
      'package',
      'sdist-format',
      'its source archive is neither .tar.gz nor .zip, which PEP 625 asks for'
    )
  }
  try {
    const target = new UnpackTarget(folder, bounds)
    await reader(archive, target, bounds)
    const { top, newest } = await target.finish()
    if (!(await lstat(join(folder, top))).isDirectory()) throw new HostileArchive('its top is no folder')
    return done({ top, sourceDateEpoch: Math.max(EARLIEST_EPOCH, Math.floor(newest)) })
  } catch (error) {
    if (isHostFault(error)) throw error
    return failed('package', 'bad-sdist', `its source archive cannot be unpacked: ${messageOf(error)}`)
  }
}

/** Faults of this machine, which must not be blamed on an archive. Others (name too long, exists) are the archive's. */
function isHostFault(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return (
    code !== undefined &&
    ['ENOSPC', 'EROFS', 'EIO', 'EDQUOT', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE'].includes(code)
  )
}

function readerFor(archive: string): typeof readTarGz | undefined {
  if (/\.(tar\.gz|tgz)$/.test(archive)) return readTarGz
  return archive.endsWith('.zip') ? readZip : undefined
}
