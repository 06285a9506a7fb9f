import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The process that has this LevelDB open, by the kernel's own list of locks; undefined where that cannot be told. */
export async function lockHolder(folder: string): Promise<number | undefined> {
  try {
    const { ino } = await stat(join(folder, 'LOCK'))
    const locks = await readFile('/proc/locks', 'utf8')
    // `1: POSIX  ADVISORY  WRITE 12540 fe:00:9986106 0 EOF`
    const line = locks.split('\n').find((one) => one.split(/\s+/)[5]?.split(':')[2] === String(ino))
    const pid = Number(line?.split(/\s+/)[4])
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}
