import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'

/** The files of the kernel's control groups, version 2; a test has its own. */
export interface CgroupFiles {
  /** Throws as node:fs does. */
  read(path: string): Promise<string>
  write(path: string, text: string): Promise<void>
  /** An existing folder is no error. */
  make(path: string): Promise<void>
  /** Removes one group, which no process may be in; the kernel removes its files. */
  remove(path: string): Promise<void>
  /** Names of the groups right below one. */
  groups(path: string): Promise<readonly string[]>
}

/** Those of this machine. */
export const kernelCgroupFiles: CgroupFiles = {
  read: async (path) => readFile(path, 'utf8'),
  // Without O_CREAT: a file that is not there is a controller that is not there.
  write: async (path, text) => writeFile(path, text, { flag: 'r+' }),
  make: async (path) => {
    await mkdir(path, { recursive: true })
  },
  remove: async (path) => rmdir(path),
  groups: async (path) =>
    (await readdir(path, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
}
